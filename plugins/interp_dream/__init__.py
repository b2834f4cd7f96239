"""Feature visualization: pictures that excite a channel, a neuron or a class most."""
