"""How users sign in to the web server of Airflow 2: by the password that its database keeps.

Airflow would write a file like this by itself, but nothing that it runs may write to its configuration.
"""

from flask_appbuilder.const import AUTH_DB

AUTH_TYPE = AUTH_DB
WTF_CSRF_ENABLED = True
