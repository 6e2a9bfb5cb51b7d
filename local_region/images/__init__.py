"""The images that the region boots: built from Debian's archive, no container registry is asked."""
