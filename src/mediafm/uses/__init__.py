"""What embeddings are for, each use in a module of its own: chapters, promotional clips, ad breaks, tags."""
