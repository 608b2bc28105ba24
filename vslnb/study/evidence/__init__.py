"""What notebook 08 computes: the evidence on Flickr8k, from committed results to tables and panels."""
