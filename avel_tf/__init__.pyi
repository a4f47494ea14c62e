from avel_tf import layers as layers
from avel_tf import localization as localization
from avel_tf import losses as losses
from avel_tf import metrics as metrics
from avel_tf import models as models
from avel_tf import presets as presets
from avel_tf import simulation as simulation
from avel_tf.ave import CATEGORIES as CATEGORIES
from avel_tf.configuration import EncodingConfig as EncodingConfig
from avel_tf.models import AudioVisualDistanceLearning as AudioVisualDistanceLearning
from avel_tf.models import AudioVisualDualNetwork as AudioVisualDualNetwork
from avel_tf.models import AudioVisualLocalizer as AudioVisualLocalizer
from avel_tf.models import CrossModalityLocalizer as CrossModalityLocalizer
from avel_tf.models import DeepCanonicalCorrelation as DeepCanonicalCorrelation
from avel_tf.models import DualAttentionMatching as DualAttentionMatching
from avel_tf.models import EncoderDecoderTCN as EncoderDecoderTCN
from avel_tf.models import SupervisedEventLocalizer as SupervisedEventLocalizer
from avel_tf.notebook.dataset import Dataset as Dataset
from avel_tf.notebook.dataset import Split as Split
from avel_tf.notebook.dataset import load_dataset as load_dataset
from avel_tf.notebook.dataset import simulate as simulate
from avel_tf.notebook.evaluating import Evaluation as Evaluation
from avel_tf.notebook.evaluating import evaluate as evaluate
from avel_tf.notebook.fitting import fit as fit
from avel_tf.notebook.predicting import Prediction as Prediction
from avel_tf.notebook.predicting import predict as predict
from avel_tf.prediction.events import Event as Event
from avel_tf.presets import from_preset as from_preset
from avel_tf.presets import save_to_preset as save_to_preset

__version__: str
__all__: list[str]
