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

variable "image_hash" {
  type        = string
  description = "SHA-256 of everything that goes into the image. The role image computes it and finds the image by it."

  validation {
    condition     = regex_replace(var.image_hash, "^[0-9a-f]{64}$", "valid") == "valid"
    error_message = "The image_hash must be 64 hexadecimal digits."
  }
}

variable "source_image_name" {
  type        = string
  description = "Exact name of the arm64 image to start from. Patterns are refused: two bakes must start from the same."

  validation {
    condition     = regex_replace(var.source_image_name, "^[A-Za-z0-9()./_-]*arm64[A-Za-z0-9()./_-]*$", "valid") == "valid"
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
}

variable "root_device_name" {
  type        = string
  default     = "/dev/xvda"
  description = "Root device of the source image (Debian and Amazon Linux: /dev/xvda, Ubuntu: /dev/sda1)."
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
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet to bake in, with a way out to package mirrors. Empty: one of the default VPC."
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
}

variable "ec2_endpoint" {
  type        = string
  default     = ""
  description = "Address of the EC2 API, for private endpoints. Empty: the region's public one."
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
