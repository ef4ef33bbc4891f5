//! HCL native syntax as HashiCorp's parser reads it.
