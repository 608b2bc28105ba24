"""Photos and captions of your own become a data set: caption files, photos, backbones."""
