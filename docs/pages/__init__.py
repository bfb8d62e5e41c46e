"""Pages of the documentation site that are written from the code, one module each; `writing` puts them in their places."""
