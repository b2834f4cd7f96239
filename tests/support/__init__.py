"""What several test folders share: the command line in this process, data sets, small networks."""
