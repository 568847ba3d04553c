"""What the embeddings are for, each use with its measure; import from the submodules."""
"""What embeddings are for, each use in a module of its own: chapters, promotional clips, ad breaks, tags."""
