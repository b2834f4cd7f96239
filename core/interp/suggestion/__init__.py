"""Which methods suit a model and an image, and which parameters suit a method."""
