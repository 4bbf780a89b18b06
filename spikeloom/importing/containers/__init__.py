"""Files of tensors: what each holds is known before a tensor of it is read."""
