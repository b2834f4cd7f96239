"""Training that methods share: samples, the loop on Lightning Fabric, and what it keeps."""
