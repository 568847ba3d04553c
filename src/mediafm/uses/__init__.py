"""What the embeddings are for, each use with its measure; import from the submodules."""
