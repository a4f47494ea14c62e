import hashlib

import numpy as np
import pytest

from avel_tf.media.resizing import resize_bilinear

# SHA-256 of cv2.resize(picture, (224, 224)), computed once with OpenCV 5.0.0.
OPENCV = {
    (360, 640): "45e05523d77287c0",
    (240, 426): "10684692515bc988",
    (120, 160): "653b4a7af97748a3",
    (448, 448): "a416b7d2153bc304",
    (1, 7): "e4978262a465f287",
    (1080, 1920): "02203eb58c51d386",
    (225, 224): "1d601cd978db843e",
}


@pytest.mark.parametrize("shape", OPENCV)
def test_every_pixel_is_as_in_opencv(shape):
    numbers = np.arange(np.prod(shape) * 3) * 7919 % 65521 % 256
    resized = resize_bilinear(numbers.astype(np.uint8).reshape(*shape, 3), 224, 224)
    assert resized.shape == (224, 224, 3)
    assert hashlib.sha256(resized.tobytes()).hexdigest()[:16] == OPENCV[shape]
