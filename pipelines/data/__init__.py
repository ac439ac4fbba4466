"""One loader for every format, columns' roles, checks, split and rendering, shared by all stages."""
