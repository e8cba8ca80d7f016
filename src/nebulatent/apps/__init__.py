"""What people see: the command, the scikit-learn estimator, figures and the report."""
