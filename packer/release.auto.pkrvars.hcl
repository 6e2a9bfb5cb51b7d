# What this release is made of, exactly. "The most recent image" would make two bakes of one commit differ.
airflow_version = "3.3.2"
airflow_python  = "3.13"

# By the Python that they carry.
source_image_names = {
  "3.11" = "debian-12-arm64-20260901-2200"
  "3.13" = "debian-13-arm64-20260901-2200"
}

# Debian's own accounts, one per partition.
source_image_owners = {
  aws    = "136693071363"
  aws-cn = "336777782633"
}
