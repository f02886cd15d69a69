"""What is fetched: one module per protocol, a polite HTTP client that they share, and one runner."""
