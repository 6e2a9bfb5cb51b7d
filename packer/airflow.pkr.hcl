# One arm64 image with Airflow, its units and nothing of any stack. How: docs/architecture.md, the role image runs this.

locals {
  partition = substr(var.region, 0, 3) == "cn-" ? "aws-cn" : "aws"

  source_image_name = var.source_image_name == "" ? lookup(var.source_image_names, var.airflow_python, "none-for-this-python") : var.source_image_name

  name = "graviflow-airflow-${var.airflow_version}-${substr(var.image_hash, 0, 12)}"

  # What the role airflow_install is asked for.
  install = jsonencode({
    airflow_install_version        = var.airflow_version
    airflow_install_python         = var.airflow_python
    airflow_install_partition      = local.partition
    airflow_install_extra_lock     = var.extra_lock
    airflow_install_extra_packages = var.extra_packages
    airflow_install_plugins        = var.plugins
    airflow_install_bill_copy      = var.bill_path
  })

  tags = merge(var.tags, {
    "Name"              = local.name
    "graviflow:image"   = var.image_hash
    "graviflow:airflow" = var.airflow_version
    "graviflow:python"  = var.airflow_python
    "graviflow:lock"    = var.lock_hash
    "graviflow:commit"  = var.commit
    "graviflow:base"    = local.source_image_name
  })

  # Copies have a key of their own only if Packer makes all images by copying an intermediary one.
  by_copying = length(var.region_kms_key_ids) > 0
}

source "amazon-ebs" "airflow" {
  region              = var.region
  custom_endpoint_ec2 = var.ec2_endpoint

  source_ami_filter {
    filters = {
      name                = local.source_image_name
      architecture        = "arm64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners = [var.source_image_owners[local.partition]]
  }

  instance_type               = var.instance_type
  ena_support                 = true
  shutdown_behavior           = "terminate"
  vpc_id                      = var.vpc_id
  subnet_id                   = var.subnet_id
  associate_public_ip_address = substr(var.ssh_interface, 0, 6) == "public"

  temporary_security_group_source_cidrs = var.ssh_source_cidrs

  # BEGIN packer>=1.7
  temporary_key_pair_type = "ed25519"
  imds_support            = "v2.0"
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  # END packer>=1.7

  # Encrypted from the first byte, so the snapshot is too; encrypt_boot would bake in plain and copy.
  launch_block_device_mappings {
    device_name           = var.root_device_name
    volume_type           = "gp3"
    volume_size           = var.root_volume_size
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  ami_name        = local.name
  ami_description = "Apache Airflow ${var.airflow_version} on ${local.source_image_name}"
  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = merge(local.tags, { "Name" = "${local.name} (baking)" }, var.run_tags)
  run_volume_tags = merge(local.tags, { "Name" = "${local.name} (baking)" }, var.run_tags)

  ami_users          = var.ami_users
  ami_regions        = var.ami_regions
  region_kms_key_ids = var.region_kms_key_ids
  encrypt_boot       = local.by_copying ? true : null
  kms_key_id         = local.by_copying ? var.kms_key_id : ""

  # BEGIN packer>=1.7
  ami_org_arns = var.ami_org_arns
  ami_ou_arns  = var.ami_ou_arns
  deprecate_at = var.deprecate_at
  # END packer>=1.7

  communicator  = "ssh"
  ssh_username  = var.source_image_user
  ssh_interface = var.ssh_interface
  ssh_timeout   = "10m"
}

build {
  sources = ["source.amazon-ebs.airflow"]

  provisioner "shell" {
    inline = ["cloud-init status --wait --long"]
    # 2 means done, with a warning that cloud-init recovered from.
    valid_exit_codes = [0, 2]
  }

  provisioner "ansible" {
    playbook_file = "${var.collection_root}/playbooks/bake.yml"
    user          = var.source_image_user
    use_proxy     = false

    ansible_env_vars = [
      # Packer writes an INI inventory. The instance is minutes old: nobody knows its host key, and its address was another's.
      "ANSIBLE_INVENTORY_ENABLED=ansible.builtin.ini",
      "ANSIBLE_HOST_KEY_CHECKING=False",
      "ANSIBLE_NOCOLOR=True",
    ]
    extra_arguments = [
      "--ssh-common-args=-o UserKnownHostsFile=/dev/null",
      "--extra-vars=${local.install}",
    ]
  }

  post-processor "manifest" {
    output     = var.manifest_path
    strip_path = true
    custom_data = {
      image_hash = var.image_hash
      region     = var.region
    }
  }
}
