"""The rows of the matrix, a file for what they befall."""
