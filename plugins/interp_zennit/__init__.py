"""Relevance propagated layer by layer, by Zennit's rules, composites and canonizers."""
