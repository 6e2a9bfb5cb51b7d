import pytest

from tests.provisioning import region


@pytest.fixture(scope="session", autouse=True)
def local_region():
    region.forget_images()  # of a run that was broken off
    region.cli("up")
    yield
    region.cli("down")
    region.forget_images()
