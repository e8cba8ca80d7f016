"""Recipes: one short file per table or figure of a paper, whose diff is the experiment.

A recipe says what is trained, what the paper printed, and what the paper claims. Everything else is
shared, so that two rows differ in nothing but what their experiments say:

| file | what it knows |
|---|---|
| `recipe` | `Recipe`, `Row`, `Budget`; an experiment's `Setting` and `Outcome` |
| `effects`, `claims` | a sentence of the paper → one number per seed → a verdict |
| `trained`, `trivial` | experiments: a model of the package; k-means and an untrained encoder |
| `measuring`, `watching` | a trained model → measures and arrays; the same along a training |
| `switching`, `principal`, `voxel_measuring`, `voxel_data` | the same for grids and pictures |
| `store`, `machine` | one JSON file per training, and where it was made |
| `runner` | all trainings that are not in the folder yet, two at a time |
| `record`, `tables`, `page` | results → record → table, CSV, Markdown, docs/results.md |
| `names`, `nvc_*.py`, … | the recipes |

**To write a recipe**, make `nvc_table3.py` with a `RECIPE = Recipe(...)` and add `"nvc-table3"` to
`names.Name`. A row's experiment is a frozen dataclass that is called with a `Setting` and returns
an `Outcome`; its `repr` must say all that its result depends on, for that text (with the budget and
the data's fingerprint) is hashed into the name of the file in which the result is kept. So a recipe
that was stopped goes on where it was, and recipes that share an experiment train it once.

**Rules.** Every row is trained with every seed, every seed counts, none is chosen. A row whose
training reads labels is `supervised=True`. A table that clusters has the rows `baselines(...)` of
`trivial`. A measure is computed on test samples; labels there are for evaluation.

**Verdicts.** A claim becomes one number per seed, positive where the claim is right: mostly the
difference of two rows *with the same seed*. Over seeds it is tested with a paired t-test, two-sided
at 5 %. With five seeds a sign test or Wilcoxon's cannot reach 5 % at all (their smallest two-sided
p is 1/16), so the normality that a t-test assumes is the price; the seeds on the claim's side are
printed beside. `Part.counts_from` is the smallest effect worth the claim. See `claims.judge`.
"""
