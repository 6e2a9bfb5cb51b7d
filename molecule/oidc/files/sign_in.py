"""Sign in to Airflow by OpenID Connect as a browser does, and print as JSON where that led.

Usage: sign_in.py <Airflow's URL> <who, as the provider knows users> <certificate authority>
"""

import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests

web, user, authority = sys.argv[1:]
browser = requests.Session()
browser.verify = authority

asked = browser.get(f"{web}/auth/login/oidc", allow_redirects=False)
where = asked.headers["Location"]
# The form asks for the user alone. Cookies know no ports: it has none of Airflow's, as if it had another name.
back = requests.post(where, data={"sub": user}, allow_redirects=False, verify=authority, timeout=30)
landed = browser.get(back.headers["Location"])
answers = {
    path: browser.get(f"{web}{path}", headers={"Accept": "application/json"}).status_code
    for path in ("/ui/auth/me", "/api/v2/dags", "/api/v2/connections")
}
print(
    json.dumps(
        {
            "redirect_uri": parse_qs(urlsplit(where).query)["redirect_uri"][0],
            "landed": landed.url,
            "status": landed.status_code,
            "answers": answers,
            "cookies": [
                [
                    cookie.secure,
                    cookie.has_nonstandard_attr("HttpOnly"),
                    cookie.get_nonstandard_attr("SameSite", "").lower(),
                ]
                for cookie in browser.cookies
                if cookie.value
            ],
        }
    )
)
