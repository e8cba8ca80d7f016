"""The report's plain words: what things are and how to read each figure.

Written for a person who has never heard of a variational autoencoder. HTML, no user's text.
"""

WORDS = {
    "Autoencoder": (
        "Two networks trained together. The <em>encoder</em> squeezes a sample into a few numbers, "
        "its <em>code</em>; the <em>decoder</em> rebuilds the sample from the code. Where the copy "
        "is good, the code holds what matters. A <em>variational</em> autoencoder (VAE) also "
        "spreads its codes evenly, so that new samples can be drawn."
    ),
    "Latent space": (
        "The space that codes live in: every sample is a point, and every point can be decoded. "
        "Samples that the encoder finds alike lie close together. “Latent” means hidden: nobody "
        "said what each number should mean."
    ),
    "Anchor": (
        "A marked place in the latent space that gathers codes around it, as the masses in a "
        "nebula gather dust into stars. Anchors attract their codes and keep apart from one "
        "another; training moves them."
    ),
    "Cluster": (
        "The samples whose codes are nearest to the same anchor. Where the data has labels, they "
        "are used after training to check the clusters; a run that was trained with labels says "
        "so in its description."
    ),
}

MIXTURE_WORDS = {
    "Mixture": (
        "A cloud of points explained by a few Gaussians, soft ellipsoids: where they are dense, "
        "points are likely. The network divides the points of each cloud among them; the better "
        "the division, the more likely the cloud."
    ),
    "Code": (
        "The numbers by which the network describes a whole cloud before it divides it. The "
        "division is thrown away after training, the description is what was to be learned."
    ),
    "Latent space": WORDS["Latent space"].replace(", and every point can be decoded", ""),
}

TERMS = {
    "nll": "minus the logarithm of how likely a point is under the mixture of its cloud, in nats.",
    "reconstruction": "how far rebuilt samples are from the originals: the price of a short code.",
    "kl": (
        "how much each code says about its sample, in nats: the price of keeping codes close to "
        "an even spread around zero."
    ),
    "nebula": "gravitation of the anchors: codes are pulled to their anchor, anchors kept apart.",
    "pair": "mean squared distance between codes of the same anchor.",
    "triplet": (
        "how far it is from true that each code is nearer to codes of its own anchor than to "
        "codes of others; zero when it holds everywhere."
    ),
    "contrastive": (
        "mean squared distance between the codes of a shape's grid and of its pictures; near zero, "
        "either can stand for the other."
    ),
    "total_correlation": "how much the numbers of a code tell of one another, in nats.",
    "adversarial": "minus the critic's opinion of completed grids, which the generator raises.",
    "critic": (
        "the critic's opinion of completed grids, minus that of whole ones: below zero where it "
        "tells them apart."
    ),
    "penalty": "how far the slope of the critic's opinion is from 1, which keeps it gentle.",
    "over": (
        "agreement on the over-anchors: minus the information, in nats, that the over-anchor of "
        "one view gives of that of another view, or of a neighbour."
    ),
    "anchors": (
        "the same for the anchors; it ends near minus the logarithm of their number if views agree "
        "and the anchors are evenly filled."
    ),
    "spread": "mean squared length of the codes, which keeps them from drifting apart.",
    "groups": "how surely codes are at the anchor of the group they began in; it soon counts 0.",
    "total": "the weighted sum of the terms, which training makes small.",
    "score": (
        "reconstruction and KL together, without labels or anchors: early stopping watches it, on "
        "samples kept from training if there are any."
    ),
    "anchors_in_use": (
        "anchors that are the nearest one for at least one of at most 2,000 training samples."
    ),
    "perplexity": (
        "how many anchors are in use, counting evenly filled ones fully: 10 if ten anchors share "
        "the samples equally, 1 if one has them all."
    ),
    "gradient_norm": "mean length of the gradient, measured every few steps, before clipping.",
    "lr": "the learning rate at the end of an epoch.",
}

RESULTS = (
    "Each row is a measure: ↑ means higher is better, ↓ lower is better. Point at its name for how "
    "it is computed; the <a href='#glossary'>glossary</a> has the same in full. Rows marked "
    "<span class='tag'>uses labels</span> compare with the labels after training."
)
CONTEST = (
    " Bold marks the best run of a row; each column is a single run, so a small lead may be chance."
)

CURVES = (
    "One panel per part of the training goal, averaged over each epoch (one pass over the data) "
    "and shown before weighting. The goal is to make the terms small; one may rise while their "
    "sum falls. A curve that has become flat has little left to gain from longer training. "
    "Where terms join after a warm-up (shaded), the total jumps by what they add. Dashed, where "
    "there is such a line: the same on samples kept from training."
)
MEMBERS_STAGE = (
    "Several networks with many small clusters, their over-anchors, each learn by themselves to "
    "say the same of two random views of a sample, and of a sample and its neighbours. Nothing is "
    "decoded yet."
)
CLUSTERS_STAGE = (
    "The small clusters of all members are merged to as many as there are anchors. The member that "
    "agrees most with the result goes on, until views and neighbours agree on the anchors."
)
LAST_STAGE = (
    "Last stage: code and decoder",
    "The clusters no longer change. A second part of the code learns what they do not say of a "
    "sample, and the decoder to rebuild it from both parts.",
)
MAP = (
    "Every dot is a sample, placed by its code; numbered circles are anchors. Point at a dot, or "
    "tap it, to see the sample. Islands that keep one colour when coloured by label mean that the "
    "space has organised itself by that meaning. A dot takes the colour of the anchor nearest in "
    "the full space, which need not be the nearest on this flat picture."
)
STILL_MAP = (
    "Every dot is a sample, placed by its code; numbered circles are anchors. Islands that keep "
    "one colour when coloured by label mean that the space has organised itself by that meaning. "
    "For a map that shows the sample under the pointer, install Plotly and build the report again: "
    '<code>pip install "nebulatent[viz]"</code>.'
)
COVARIANCE = (
    "The diagonal shows how much each number of the code varies, the other cells how much two of "
    "them vary together (red: both rise, blue: one falls). Training asks a variational code for "
    "the picture on the right: numbers that vary equally and repeat nothing, so that a random "
    "point decodes into a plausible sample. An autoencoder without that constraint may look "
    "very different."
)
ANCHORS = (
    "The bars count the samples of each anchor; the dashed line is an equal share. Anchors without "
    "samples are wasted, and one that holds most of them has not divided the data."
)
ANCHOR_PICTURES = (
    "Each row is one anchor: what the decoder makes of the anchor itself, of random points around "
    "it, and the real samples closest to it. A row of one kind means that the anchor stands for "
    "something; a mixed or blurred row, that it lies between meanings. Beside each number: how "
    "many samples the anchor has."
)
ANCHOR_PROFILES = (
    "Each panel is one anchor. Black: what the decoder makes of the anchor itself. Blue: of random "
    "points around it. Grey: the real samples closest to it. Features are shown as distances from "
    "the data's mean in standard deviations, so the peaks are what sets this anchor apart."
)
RECONSTRUCTIONS = (
    "Samples, and what the decoder rebuilds from their codes alone. What is missing in the copy is "
    "what the code does not hold: usually fine detail first."
)
MIXTURES = (
    "Above, the points in the colour of the Gaussian that the network gives them to; below, each "
    "Gaussian that has points as an ellipsoid at one standard deviation. Ten colours are shared by "
    "all Gaussians. Good Gaussians are flat or thin where the shape is, and follow its parts."
)
SURFACES = (
    "Where the mixture of a cloud is dense enough to hold nine tenths of its points: the shape "
    "that the network's Gaussians make together. Edges are round, for Gaussians have none; gaps "
    "that are closed and legs that are fused show where Gaussians were too few or too wide."
)
DISTANCES = (
    "One point of each cloud is marked; dark points are near it, light ones far, each cloud and "
    "row on a scale of its own. Above by place; below by the scores that the network gives to a "
    "point. What the network would put into one Gaussian is near below, even along a wide surface; "
    "what belongs to another piece is far, even close by."
)
CLOUDS = (
    "Clouds, and what the decoder rebuilds from their codes alone, seen from the front, the right "
    "and above, with z taken as up; nearer points are darker. Where the data name the parts of a "
    "shape, each part has its colour, and a rebuilt point that of the original point nearest to "
    "it. A copy has no point in common with its original, only the shape: thin legs, handles and "
    "gaps are lost first."
)
TURNING = (
    "Choose a sample, or an anchor where there are any, and turn it: drag it, or press the arrow "
    "keys when the pictures have the focus. On a touch screen a finger turns sideways. Pictures "
    "beside each other turn together, so that an original is seen from the same side as its copy. "
    "The first view is from the side of the still pictures above; far dots are paler."
)
GRIDS = (
    "Grids of cells, and what the decoder rebuilds from their codes alone, seen from the front, "
    "the right and above, with z taken as up. A rebuilt cell is drawn where its probability "
    "exceeds one half. What is thin, legs and handles, is lost first."
)
COMPLETIONS = (
    "Above, the cells in which one view sees the surface of a shape; below them what the network "
    "makes of these alone, and the whole shape; seen from the front, the right and above, with z "
    "taken as up. A completed cell is drawn where its probability exceeds one half. What no view "
    "can tell, such as legs behind a seat, is guessed from shapes that were seen in training."
)
PICTURES = (
    "Above the originals, one of the pictures of each shape; in the row “from pictures”, the "
    "decoder sees nothing of the grid. A shape that is right from its grid and wrong from its "
    "pictures was hidden in them, or is too rare for the encoder of pictures."
)
RECONSTRUCTION_PROFILES = (
    "Each line is a sample, each column a feature, the colour its distance from the data's mean in "
    "standard deviations. What the right panel still shows is what the code does not hold."
)
COMPLETION_JOURNEY = (
    "One sample of the first run on its way: the encoder describes what was seen by the bars in "
    "the middle, and the decoder draws the whole on the right. With shortcuts it sees more than "
    "the bars: what the encoder's levels made of the cells."
)
JOURNEY = (
    "One sample of the first run on its way: the encoder reduces it to the bars in the middle, and "
    "the decoder, which sees only the bars, draws the copy on the right."
)
