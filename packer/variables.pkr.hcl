# regex_replace stands in for can(regex()), which Packer 1.6 lacks: the whole value is replaced if it fits.

# --- What goes into the image -----------------------------------------------------------------------------------------

variable "airflow_version" {
  type        = string
  description = "Version of Apache Airflow. There is a lock for it in roles/airflow_install/files/locks."

  validation {
    condition     = regex_replace(var.airflow_version, "^[0-9]+\\.[0-9]+\\.[0-9]+$", "valid") == "valid"
    error_message = "The airflow_version must be three numbers, such as 3.3.2."
  }
}

variable "airflow_python" {
  type        = string
  description = "Minor version of Python that the source image carries."

  validation {
    condition     = regex_replace(var.airflow_python, "^3\\.[0-9]+$", "valid") == "valid"
    error_message = "The airflow_python must be a minor version, such as 3.13."
  }
}

variable "extra_lock" {
  type        = string
  default     = ""
  description = "Lock on the controller with further Python packages, resolved against the lock of Airflow."

  validation {
    condition     = regex_replace(var.extra_lock, "^(/.+)?$", "valid") == "valid"
    error_message = "The extra_lock must be the absolute path of a lock."
  }
}

variable "extra_packages" {
  type        = list(string)
  default     = []
  description = "Further packages of the operating system."

  validation {
    condition     = regex_replace(join(",", var.extra_packages), "^([a-zA-Z0-9][a-zA-Z0-9.+_-]*(,|$))*$", "valid") == "valid"
    error_message = "The extra_packages must be names of packages of the operating system."
  }
}

variable "plugins" {
  type        = string
  default     = ""
  description = "Folder on the controller with plugins of Airflow."

  validation {
    condition     = regex_replace(var.plugins, "^(/.+)?$", "valid") == "valid"
    error_message = "The plugins must be the absolute path of a folder."
  }
}

variable "image_hash" {
  type        = string
  description = "SHA-256 of everything that goes into the image. The role image computes it and finds the image by it."

  validation {
    condition     = regex_replace(var.image_hash, "^[0-9a-f]{64}$", "valid") == "valid"
    error_message = "The image_hash must be 64 hexadecimal digits."
  }
}

variable "lock_hash" {
  type        = string
  default     = ""
  description = "SHA-256 of the lock that Airflow is installed from. A tag of the image."

  validation {
    condition     = regex_replace(var.lock_hash, "^([0-9a-f]{64})?$", "valid") == "valid"
    error_message = "The lock_hash must be 64 hexadecimal digits."
  }
}

variable "commit" {
  type        = string
  default     = "unknown"
  description = "Commit of the checkout that bakes, or the version of the collection. A tag of the image."

  validation {
    condition     = regex_replace(var.commit, "^[A-Za-z0-9 ._+-]{1,64}$", "valid") == "valid"
    error_message = "The commit must be a commit or a version, of 64 characters at most."
  }
}

variable "source_image_names" {
  type        = map(string)
  description = "Exact name of the arm64 image to start from, by the minor version of Python that it carries."

  validation {
    condition     = regex_replace(join(",", values(var.source_image_names)), "^([A-Za-z0-9()./_-]*arm64[A-Za-z0-9()./_-]*(,|$))+$", "valid") == "valid"
    error_message = "The source_image_names must be exact names, without * or ?, of arm64 images, by version of Python."
  }
}

variable "source_image_name" {
  type        = string
  default     = ""
  description = "Exact name of another arm64 image to start from. Patterns are refused: two bakes must start from the same."

  validation {
    condition     = regex_replace(var.source_image_name, "^([A-Za-z0-9()./_-]*arm64[A-Za-z0-9()./_-]*)?$", "valid") == "valid"
    error_message = "The source_image_name must be the exact name, without * or ?, of an arm64 image."
  }
}

variable "source_image_owners" {
  type        = map(string)
  description = "Account that owns the source image, by partition (aws, aws-cn)."

  validation {
    condition     = regex_replace(var.source_image_owners["aws"], "^[0-9]{12}$", "valid") == "valid" && regex_replace(var.source_image_owners["aws-cn"], "^[0-9]{12}$", "valid") == "valid"
    error_message = "The source_image_owners must have an account of 12 digits for aws and for aws-cn."
  }
}

variable "source_image_user" {
  type        = string
  default     = "admin"
  description = "User that the source image lets in by key (Debian: admin, Ubuntu: ubuntu, Amazon Linux: ec2-user)."

  validation {
    condition     = regex_replace(var.source_image_user, "^[a-z_][a-z0-9_-]{0,31}$", "valid") == "valid"
    error_message = "The source_image_user must be a name of a user, such as admin."
  }
}

variable "root_device_name" {
  type        = string
  default     = "/dev/xvda"
  description = "Root device of the source image (Debian and Amazon Linux: /dev/xvda, Ubuntu: /dev/sda1)."

  validation {
    condition     = regex_replace(var.root_device_name, "^/dev/[a-z0-9]+$", "valid") == "valid"
    error_message = "The root_device_name must be a device, such as /dev/xvda."
  }
}

variable "root_volume_size" {
  type        = number
  default     = 20
  description = "Size of the image's root volume, in GiB."

  validation {
    condition     = var.root_volume_size >= 10 && var.root_volume_size <= 16384
    error_message = "The root_volume_size must be 10 to 16384 GiB."
  }
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Key that encrypts the image, as alias/<name> or key id. Empty: the account's own key for EBS."

  validation {
    condition     = regex_replace(var.kms_key_id, "^(alias/[a-zA-Z0-9/_-]+|(mrk-)?[0-9a-f][0-9a-f-]+)?$", "valid") == "valid"
    error_message = "The kms_key_id must be alias/<name> or the id of a key. Packer takes no ARNs of China."
  }
}

# --- Who may use it, where, and for how long --------------------------------------------------------------------------

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Further tags of the image, its snapshot, and what bakes it."

  validation {
    condition     = length(var.tags) <= 40
    error_message = "The tags must be 40 at most: AWS takes 50, and the image has some of its own."
  }
}

variable "ami_users" {
  type        = list(string)
  default     = []
  description = "Accounts that may launch the image. They need kms_key_id to be a key of yours that they may use."

  validation {
    condition     = regex_replace(join(",", var.ami_users), "^([0-9]{12}(,|$))*$", "valid") == "valid"
    error_message = "The ami_users must be accounts, 12 digits each."
  }
}

variable "ami_org_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of organizations whose accounts may launch the image. As with ami_users, kms_key_id is needed."

  validation {
    condition     = regex_replace(join(",", var.ami_org_arns), "^(arn:aws(-cn)?:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}(,|$))*$", "valid") == "valid"
    error_message = "The ami_org_arns must be ARNs of organizations, arn:aws:organizations::<account>:organization/o-<id>."
  }
}

variable "ami_ou_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of organizational units whose accounts may launch the image. As with ami_users, kms_key_id is needed."

  validation {
    condition     = regex_replace(join(",", var.ami_ou_arns), "^(arn:aws(-cn)?:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[a-z0-9-]+(,|$))*$", "valid") == "valid"
    error_message = "The ami_ou_arns must be ARNs of units, arn:aws:organizations::<account>:ou/o-<id>/ou-<id>."
  }
}

variable "ami_regions" {
  type        = list(string)
  default     = []
  description = "Regions that the image is copied to, in the partition of region."

  validation {
    condition     = regex_replace(join(",", var.ami_regions), "^((af|ap|ca|cn|eu|il|me|mx|sa|us)-[a-z]+-[0-9](,|$))*$", "valid") == "valid"
    error_message = "The ami_regions must be regions of the partitions aws and aws-cn, such as eu-central-1."
  }
}

variable "region_kms_key_ids" {
  type        = map(string)
  default     = {}
  description = "Key of each copy, by region, as alias/<name> or key id. Empty: the account's own keys for EBS."

  validation {
    condition     = regex_replace(join(",", values(var.region_kms_key_ids)), "^((alias/[a-zA-Z0-9/_-]+|(mrk-)?[0-9a-f][0-9a-f-]+)(,|$))*$", "valid") == "valid"
    error_message = "The region_kms_key_ids must be alias/<name> or the id of a key, by region. Packer takes no ARNs of China."
  }
}

variable "deprecate_at" {
  type        = string
  default     = ""
  description = "When the image is marked as deprecated, such as 2027-11-21T00:00:00Z, up to ten years ahead. Empty: never."

  validation {
    condition     = regex_replace(var.deprecate_at, "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$", "valid") == "valid"
    error_message = "The deprecate_at must be a time in UTC, such as 2027-11-21T00:00:00Z."
  }
}

# --- Where and how it is baked ----------------------------------------------------------------------------------------

variable "region" {
  type        = string
  description = "Region in which the image is baked and registered."

  validation {
    condition     = regex_replace(var.region, "^(af|ap|ca|cn|eu|il|me|mx|sa|us)-[a-z]+-[0-9]$", "valid") == "valid"
    error_message = "The region must be one of the partitions aws and aws-cn, such as eu-central-1 or cn-north-1."
  }
}

variable "instance_type" {
  type        = string
  default     = "m7g.large"
  description = "Graviton instance type that bakes the image."

  validation {
    condition     = regex_replace(var.instance_type, "^(t4g|[cmr](6|7|8)g(d|n|dn)?)\\.(small|medium|[0-9]*x?large|metal)$", "valid") == "valid"
    error_message = "The instance_type must be a Graviton type of the families t4g, c6g-c8g, m6g-m8g, r6g-r8g, small or larger."
  }
}

variable "vpc_id" {
  type        = string
  default     = ""
  description = "VPC to bake in. Empty: that of the subnet, or the default VPC."

  validation {
    condition     = regex_replace(var.vpc_id, "^(vpc-[0-9a-f]+)?$", "valid") == "valid"
    error_message = "The vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet to bake in, with a way out to package mirrors. Empty: one of the default VPC."

  validation {
    condition     = regex_replace(var.subnet_id, "^(subnet-[0-9a-f]+)?$", "valid") == "valid"
    error_message = "The subnet_id must be the id of a subnet, such as subnet-0123456789abcdef0."
  }
}

variable "ssh_interface" {
  type        = string
  default     = "public_ip"
  description = "Address of the instance that the controller reaches: public_ip, private_ip, public_dns or private_dns."

  validation {
    condition     = contains(["public_ip", "private_ip", "public_dns", "private_dns"], var.ssh_interface)
    error_message = "The ssh_interface must be public_ip, private_ip, public_dns or private_dns."
  }
}

variable "ssh_source_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Networks that may reach the baking instance's SSH port while it lives. Narrow it to the controller's."

  validation {
    condition     = length(var.ssh_source_cidrs) > 0 && regex_replace(join(",", var.ssh_source_cidrs), "^([0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}(,|$))+$", "valid") == "valid"
    error_message = "The ssh_source_cidrs must be IPv4 networks, such as 203.0.113.7/32."
  }
}

variable "run_tags" {
  type        = map(string)
  default     = {}
  description = "Further tags of what exists only while baking: instance, volume, key pair and security group."

  validation {
    condition     = length(var.run_tags) <= 5
    error_message = "The run_tags must be 5 at most: AWS takes 50, and there are others."
  }
}

variable "ec2_endpoint" {
  type        = string
  default     = ""
  description = "Address of the EC2 API, for private endpoints. Empty: the region's public one."

  validation {
    condition     = regex_replace(var.ec2_endpoint, "^(https?://[^ ]+)?$", "valid") == "valid"
    error_message = "The ec2_endpoint must be a URL."
  }
}

variable "collection_root" {
  type        = string
  default     = "."
  description = "Folder of this collection. The default fits running Packer from there."
}

variable "manifest_path" {
  type        = string
  default     = "packer-manifest.json"
  description = "File on the controller to which the ids of baked images are added."
}

variable "bill_path" {
  type        = string
  default     = ""
  description = "File on the controller to which the image's bill of materials is copied."
}
