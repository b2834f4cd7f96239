"""Class activation maps: a layer's maps times weights, summed over channels."""
