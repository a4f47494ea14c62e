import keras

import avel_tf

keras.utils.set_random_seed(0)
dataset = avel_tf.load_dataset("ave_features")  # or avel_tf.simulate(): nothing to download
model = avel_tf.SupervisedEventLocalizer()
avel_tf.fit(model, dataset, epochs=20)
print(avel_tf.evaluate(model, dataset))
encoding = avel_tf.EncodingConfig(audio_weights="vggish.weights.h5")
found = avel_tf.predict(model, "video.mp4", encoding)
print(found.events)  # in a notebook, `found` draws the time line
