"""Secondary matches by hand."""

import numpy as np

from vslnb.evaluation.secondary_content import caption_concepts, secondary_matches


def test_secondary_matches_by_captions_by_hand():
    captions = ["a dog runs", "the dog on grass", "two cats", "a cat beside grass"]
    main, secondary, named = caption_concepts(captions, 2)
    assert main == [{"dog"}, {"cat"}] and secondary == [{"run", "grass"}, {"grass"}]
    # Both captions that mention grass take the other image: met in grass alone, which one caption names.
    scores = np.array([[0.9, 0.1, 0.0, 0.8], [0.0, 0.9, 0.9, 0.1]])
    found = secondary_matches(scores, main, secondary, named, 2)["text_to_image"]
    assert found["wrong"].tolist() == found["secondary"].tolist() == [1, 3]
