"""`torch.compile` agrees with eager, in an interpreter without the test hook."""

import subprocess
import sys

VAE_IN_ONE_GRAPH = """
import torch
from torch import nn
from nebulatent import VAE, Autoencoder, Batch, Variational

torch.manual_seed(0)
method = VAE(Autoencoder(nn.Linear(6, 5), Variational(5, 3), nn.Linear(3, 6))).double()
batch = Batch(torch.rand(8, 6, dtype=torch.float64))
outcomes = []
for call in (method, torch.compile(method, backend="aot_eager", fullgraph=True)):
    torch.manual_seed(1)
    method.zero_grad()
    call(batch).total.backward()
    outcomes.append([parameter.grad.clone() for parameter in method.parameters()])
for eager, compiled in zip(*outcomes, strict=True):
    torch.testing.assert_close(compiled, eager, rtol=1e-9, atol=1e-12)
print("agree")
"""


TRIPLETS_IN_ONE_GRAPH = """
import torch
from nebulatent.ops.triplets import triplet_loss

torch.manual_seed(0)
z, label = torch.randn(30, 4, dtype=torch.float64), torch.randint(3, (30,))
outcomes = []
for call in (triplet_loss, torch.compile(triplet_loss, backend="aot_eager", fullgraph=True)):
    leaf = z.clone().requires_grad_()
    value = call(leaf, label)
    outcomes.append((value.item(), torch.autograd.grad(value, leaf)[0]))
(value, gradient), (again, same) = outcomes
assert value == again and torch.equal(gradient, same)
print("agree")
"""


def test_compiled_triplet_term_is_one_graph_and_the_same() -> None:
    command = [sys.executable, "-c", TRIPLETS_IN_ONE_GRAPH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "agree"


def test_compiled_vae_is_one_graph_with_the_gradients_of_eager() -> None:
    command = [sys.executable, "-c", VAE_IN_ONE_GRAPH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "agree"
