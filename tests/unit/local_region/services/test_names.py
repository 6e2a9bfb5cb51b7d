"""Names that hosts resolve: file systems, private zones, trust stores."""

from types import SimpleNamespace

from local_region.services.efs import names
from local_region.services.route53 import normal, record_target, resolve
from local_region.services.truststore import is_bundle


def test_a_file_system_has_a_name_and_one_per_zone() -> None:
    zones = {"eu-west-1b": "10.0.1.4", "eu-west-1a": "10.0.0.4"}
    domain = "fs-1.efs.eu-west-1.amazonaws.com"
    assert names("fs-1", zones, "eu-west-1", "amazonaws.com") == {
        domain: "10.0.0.4",
        f"eu-west-1a.{domain}": "10.0.0.4",
        f"eu-west-1b.{domain}": "10.0.1.4",
    }
    assert names("fs-1", {}, "eu-west-1", "amazonaws.com") == {}


def test_chains_end_at_an_address_or_nowhere() -> None:
    targets = {"a": "b", "b": "lb.example", "c": "10.0.0.9", "d": "absent", "loop": "loop2", "loop2": "loop"}
    assert resolve(targets, {"lb.example": "10.0.0.7"}) == {"a": "10.0.0.7", "b": "10.0.0.7", "c": "10.0.0.9"}


def test_records_lead_somewhere() -> None:
    def record(**given: object) -> SimpleNamespace:
        return SimpleNamespace(**({"type": "A", "alias_target": None, "records": []} | given))

    assert record_target(record(records=["10.0.0.1"])) == "10.0.0.1"
    assert record_target(record(type="CNAME", records=["Db.Internal."])) == "db.internal"
    assert (
        record_target(record(alias_target={"DNSName": "dualstack.Web-1.elb.amazonaws.com."}))
        == "web-1.elb.amazonaws.com"
    )
    assert record_target(record(type="NS", records=["ns.internal."])) is None


def test_normal_names() -> None:
    assert normal("Web.Internal.") == "web.internal"


def test_bundles() -> None:
    assert is_bundle("/global/global-bundle.pem") and is_bundle("/eu-west-1/eu-west-1-bundle.pem?x=1")
    assert not is_bundle("/") and not is_bundle("/global/other.pem") and not is_bundle("/eu-west-1/global-bundle.pem")
