"""What a placement strategy would have done on a trace."""
