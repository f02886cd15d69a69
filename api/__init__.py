"""What is served: the FastAPI application, its routes and renderings."""
