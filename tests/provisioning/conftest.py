import pytest

from tests.provisioning import region


@pytest.fixture(scope="session", autouse=True)
def local_region():
    region.cli("up")
    yield
    region.cli("down")
    region.forget_images()
