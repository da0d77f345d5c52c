"""The metrics of the project, each a function that is registered beside its unit and its better direction.

A metric is called with what it asks for, by the names of its parameters, and returns one number:

- `model`: the classifier in eval mode; its weights need no gradients
- `images`: the clean images of the validation, (n, channels, height, width), float32 in [0, 1]
- `labels`, `predictions`, `adversarial_predictions`: the class of each image, (n,) int64: the true one, and those that
  the model gives to the clean and to the attacked image
- `margin_predictions`: those that it gives to the image of a second PGD attack, on the margin of the logits
- `adversarial_images`: the images of the PGD attack, as `images`
- `generator`: random numbers on `device`, the same for every trial and epoch
- `batch_size`: how many images the model should see at once
- `values`: the value of every key of the configuration, by its name in code
"""
