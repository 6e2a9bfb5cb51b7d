"""Make this host what its stack's document says."""
