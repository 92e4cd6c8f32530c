"""What the native API reads and answers, one file per subject. Unknown fields are refused; ids are text."""
