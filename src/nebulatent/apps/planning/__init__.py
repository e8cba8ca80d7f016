"""What to train: options, and the rules that fill in what was left out."""
