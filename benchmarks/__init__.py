"""What is claimed about speed, measured: run `make bench`."""
