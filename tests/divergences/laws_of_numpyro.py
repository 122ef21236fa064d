"""Every law of NumPyro: those on the line with a density, with what SciPy calls them, and those that are refused."""

from __future__ import annotations

import inspect

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from scipy import special, stats


def _double_power_law(alpha, low, high):
    k = alpha + 1
    return type(
        "PowerLaw",
        (),
        {
            "cdf": staticmethod(lambda x: (x**k - low**k) / (high**k - low**k)),
            "sf": staticmethod(lambda x: (high**k - x**k) / (high**k - low**k)),
            "points": np.linspace(low, high, 7)[1:-1],
        },
    )


def _truncated(frozen, low, high):
    mass = frozen.cdf(high) - frozen.cdf(low)
    return type(
        "Truncated",
        (),
        {
            "cdf": staticmethod(lambda x: (frozen.cdf(x) - frozen.cdf(low)) / mass),
            "sf": staticmethod(lambda x: (frozen.cdf(high) - frozen.cdf(x)) / mass),
            "points": np.clip(frozen.ppf(frozen.cdf(low) + mass * np.linspace(0.02, 0.98, 7)), low, high),
        },
    )


# What NumPyro calls it, with the parameters, and what SciPy calls it. AsymmetricLaplace's κ is SciPy's.
LAWS = {
    "AsymmetricLaplace": lambda: (dist.AsymmetricLaplace(0.5, 1.3, 2.0), stats.laplace_asymmetric(2.0, 0.5, 1.3)),
    "AsymmetricLaplaceQuantile": lambda: (
        dist.AsymmetricLaplaceQuantile(0.5, 1.3, 0.8),
        # κ = sqrt(q / (1 - q)), scale 1.3 κ / q.
        stats.laplace_asymmetric(2.0, 0.5, 1.3 * 2.0 / 0.8),
    ),
    "Beta": lambda: (dist.Beta(0.1, 0.3), stats.beta(0.1, 0.3)),
    "BetaProportion": lambda: (dist.BetaProportion(0.3, 5.0), stats.beta(1.5, 3.5)),
    "Cauchy": lambda: (dist.Cauchy(1.0, 2.0), stats.cauchy(1.0, 2.0)),
    "Chi2": lambda: (dist.Chi2(3.0), stats.chi2(3.0)),
    "Dagum": lambda: (dist.Dagum(0.7, 2.5, 1.5), stats.mielke(0.7 * 2.5, 2.5, scale=1.5)),
    "DoublyTruncatedPowerLaw": lambda: (
        dist.DoublyTruncatedPowerLaw(-2.5, 0.5, 3.0),
        _double_power_law(-2.5, 0.5, 3.0),
    ),
    "Exponential": lambda: (dist.Exponential(2.0), stats.expon(scale=0.5)),
    "FoldedDistribution": lambda: (
        dist.FoldedDistribution(dist.Normal(0.7, 1.5)),
        stats.foldnorm(0.7 / 1.5, scale=1.5),
    ),
    "Gamma": lambda: (dist.Gamma(0.3, 2.0), stats.gamma(0.3, scale=0.5)),
    "Gompertz": lambda: (dist.Gompertz(0.5, 2.0), stats.gompertz(0.5, scale=0.5)),
    "Gumbel": lambda: (dist.Gumbel(1.0, 2.0), stats.gumbel_r(1.0, 2.0)),
    "HalfCauchy": lambda: (dist.HalfCauchy(2.0), stats.halfcauchy(scale=2.0)),
    "HalfNormal": lambda: (dist.HalfNormal(2.0), stats.halfnorm(scale=2.0)),
    "InverseGamma": lambda: (dist.InverseGamma(2.5, 1.5), stats.invgamma(2.5, scale=1.5)),
    "Kumaraswamy": lambda: (
        dist.Kumaraswamy(0.4, 2.0),
        # X^a is Beta(1, b).
        type(
            "Kumaraswamy",
            (),
            {
                "cdf": staticmethod(lambda x: stats.beta(1, 2.0).cdf(x**0.4)),
                "sf": staticmethod(lambda x: stats.beta(1, 2.0).sf(x**0.4)),
                "points": np.array([1e-30, 1e-3, 0.2, 0.5, 0.9]),
            },
        ),
    ),
    "Laplace": lambda: (dist.Laplace(1.0, 2.0), stats.laplace(1.0, 2.0)),
    "LeftTruncatedDistribution": lambda: (
        dist.LeftTruncatedDistribution(dist.StudentT(3.0, 0.5, 2.0), low=1.0),
        _truncated(stats.t(3.0, 0.5, 2.0), 1.0, np.inf),
    ),
    "LeftTruncatedGamma": lambda: (
        dist.LeftTruncatedGamma(dist.Gamma(2.0, 1.5), low=1.0),
        _truncated(stats.gamma(2.0, scale=1 / 1.5), 1.0, np.inf),
    ),
    "Levy": lambda: (dist.Levy(1.0, 2.0), stats.levy(1.0, 2.0)),
    "LogNormal": lambda: (dist.LogNormal(1.0, 2.0), stats.lognorm(2.0, scale=np.exp(1.0))),
    "LogUniform": lambda: (dist.LogUniform(0.5, 30.0), stats.loguniform(0.5, 30.0)),
    "Logistic": lambda: (dist.Logistic(1.0, 2.0), stats.logistic(1.0, 2.0)),
    "LowerTruncatedPowerLaw": lambda: (dist.LowerTruncatedPowerLaw(-2.5, 0.5), stats.pareto(1.5, scale=0.5)),
    "Normal": lambda: (dist.Normal(1.0, 2.0), stats.norm(1.0, 2.0)),
    "Pareto": lambda: (dist.Pareto(2.0, 1.5), stats.pareto(1.5, scale=2.0)),
    "RelaxedBernoulliLogits": lambda: (
        dist.RelaxedBernoulliLogits(0.7, 0.4),
        # sigmoid((logits + L) / temperature) for L logistic.
        type(
            "Relaxed",
            (),
            {
                "cdf": staticmethod(lambda x: stats.logistic.cdf(0.7 * special.logit(x) - 0.4)),
                "sf": staticmethod(lambda x: stats.logistic.sf(0.7 * special.logit(x) - 0.4)),
                "points": np.array([1e-12, 0.01, 0.3, 0.5, 0.9]),
            },
        ),
    ),
    "RightTruncatedDistribution": lambda: (
        dist.RightTruncatedDistribution(dist.Laplace(0.5, 2.0), high=1.0),
        _truncated(stats.laplace(0.5, 2.0), -np.inf, 1.0),
    ),
    "RightTruncatedGamma": lambda: (
        dist.RightTruncatedGamma(dist.Gamma(2.0, 1.5), high=1.0),
        _truncated(stats.gamma(2.0, scale=1 / 1.5), 0.0, 1.0),
    ),
    "SoftLaplace": lambda: (dist.SoftLaplace(1.0, 2.0), stats.hypsecant(1.0, 2.0)),
    "StudentT": lambda: (dist.StudentT(2.5, 1.0, 2.0), stats.t(2.5, 1.0, 2.0)),
    "TwoSidedTruncatedDistribution": lambda: (
        dist.TwoSidedTruncatedDistribution(dist.Normal(0.5, 2.0), low=-1.0, high=3.0),
        _truncated(stats.norm(0.5, 2.0), -1.0, 3.0),
    ),
    "TwoSidedTruncatedGamma": lambda: (
        dist.TwoSidedTruncatedGamma(dist.Gamma(2.0, 1.5), low=0.2, high=3.0),
        _truncated(stats.gamma(2.0, scale=1 / 1.5), 0.2, 3.0),
    ),
    "Uniform": lambda: (dist.Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    "VonMises": lambda: (
        dist.VonMises(0.5, 2.0),
        _truncated(stats.vonmises(2.0, 0.5), -np.pi, np.pi),
    ),
    "Weibull": lambda: (dist.Weibull(2.0, 0.7), stats.weibull_min(0.7, scale=2.0)),
}

# No laws on the line with a density: discrete, of several dimensions, or partly discrete. NumPyro's TruncatedPolyaGamma has a
# density of mass P(X < 2.5) = 1 - 5.6e-6.


def _normal():
    return dist.Normal(0.0, 1.0)


def _eye():
    return jnp.eye(2)


REFUSED = {
    "BernoulliLogits": lambda: dist.BernoulliLogits(0.3),
    "BernoulliProbs": lambda: dist.BernoulliProbs(0.3),
    "BetaBinomial": lambda: dist.BetaBinomial(2.0, 3.0, 5),
    "BetaNegativeBinomial": lambda: dist.BetaNegativeBinomial(2.0, 3.0, 5.0),
    "BinomialLogits": lambda: dist.BinomialLogits(0.3, 5),
    "BinomialProbs": lambda: dist.BinomialProbs(0.3, 5),
    "CAR": lambda: dist.CAR(jnp.zeros(2), 0.5, 1.0, jnp.array([[0.0, 1.0], [1.0, 0.0]])),
    "CategoricalLogits": lambda: dist.CategoricalLogits(jnp.zeros(3)),
    "CategoricalProbs": lambda: dist.CategoricalProbs(jnp.ones(3) / 3),
    "CirculantNormal": lambda: dist.CirculantNormal(jnp.zeros(4), jnp.array([1.0, 0.1, 0.05, 0.1])),
    "Dirichlet": lambda: dist.Dirichlet(jnp.ones(3)),
    "DirichletMultinomial": lambda: dist.DirichletMultinomial(jnp.ones(3), 5),
    "DiscreteUniform": lambda: dist.DiscreteUniform(0, 5),
    "EulerMaruyama": lambda: dist.EulerMaruyama(jnp.linspace(0.0, 1.0, 4), lambda x, t: (-x, 1.0), _normal()),
    "GammaPoisson": lambda: dist.GammaPoisson(2.0, 1.0),
    "GaussianCopula": lambda: dist.GaussianCopula(dist.Beta(2.0, 3.0).expand([2]), correlation_matrix=_eye()),
    "GaussianCopulaBeta": lambda: dist.GaussianCopulaBeta(
        jnp.full(2, 2.0), jnp.full(2, 3.0), correlation_matrix=_eye()
    ),
    "GaussianRandomWalk": lambda: dist.GaussianRandomWalk(1.0, 3),
    "GaussianStateSpace": lambda: dist.GaussianStateSpace(3, 0.5 * _eye(), _eye()),
    "GeometricLogits": lambda: dist.GeometricLogits(0.3),
    "GeometricProbs": lambda: dist.GeometricProbs(0.3),
    "HurdleGamma": lambda: dist.HurdleGamma(0.5, 1.0, 1.0),
    "HurdleLogNormal": lambda: dist.HurdleLogNormal(0.5, 0.0, 1.0),
    "HurdleLogits": lambda: dist.HurdleLogits(dist.Poisson(2.0), 0.3),
    "HurdlePoisson": lambda: dist.HurdlePoisson(0.5, 2.0),
    "HurdleProbs": lambda: dist.HurdleProbs(dist.Poisson(2.0), 0.5),
    "ImproperUniform": lambda: dist.ImproperUniform(dist.constraints.real, (), ()),
    "IntervalCensoredDistribution": lambda: dist.IntervalCensoredDistribution(_normal(), jnp.array(0), jnp.array(0)),
    "InverseWishart": lambda: dist.InverseWishart(4.0, _eye()),
    "InverseWishartCholesky": lambda: dist.InverseWishartCholesky(4.0, _eye()),
    "LKJ": lambda: dist.LKJ(3, 1.0),
    "LKJCholesky": lambda: dist.LKJCholesky(3, 1.0),
    "LeftCensoredDistribution": lambda: dist.LeftCensoredDistribution(_normal(), jnp.array(1)),
    "MaskedDistribution": lambda: _normal().mask(jnp.asarray(True)),
    "MatrixNormal": lambda: dist.MatrixNormal(jnp.zeros((2, 2)), _eye(), _eye()),
    "MultinomialLogits": lambda: dist.MultinomialLogits(jnp.zeros(3), 5),
    "MultinomialProbs": lambda: dist.MultinomialProbs(jnp.ones(3) / 3, 5),
    "MultivariateStudentT": lambda: dist.MultivariateStudentT(3.0, jnp.zeros(2), _eye()),
    "NegativeBinomial2": lambda: dist.NegativeBinomial2(2.0, 3.0),
    "NegativeBinomialLogits": lambda: dist.NegativeBinomialLogits(2.0, 0.3),
    "NegativeBinomialProbs": lambda: dist.NegativeBinomialProbs(2.0, 0.3),
    "OrderedLogistic": lambda: dist.OrderedLogistic(0.3, jnp.array([-1.0, 1.0])),
    "Poisson": lambda: dist.Poisson(2.0),
    "ProjectedNormal": lambda: dist.ProjectedNormal(jnp.ones(3)),
    "RightCensoredDistribution": lambda: dist.RightCensoredDistribution(_normal(), jnp.array(1)),
    "SineBivariateVonMises": lambda: dist.SineBivariateVonMises(0.0, 0.0, 1.0, 1.0, 0.5),
    "SineSkewed": lambda: dist.SineSkewed(dist.VonMises(jnp.zeros(1), jnp.ones(1)).to_event(1), jnp.array([0.3])),
    "TruncatedPolyaGamma": lambda: dist.TruncatedPolyaGamma(),
    "Unit": lambda: dist.Unit(0.3),
    "Wishart": lambda: dist.Wishart(4.0, _eye()),
    "WishartCholesky": lambda: dist.WishartCholesky(4.0, _eye()),
    "ZeroInflatedLogits": lambda: dist.ZeroInflatedLogits(dist.Poisson(2.0), 0.3),
    "ZeroInflatedPoisson": lambda: dist.ZeroInflatedPoisson(0.3, 2.0),
    "ZeroInflatedProbs": lambda: dist.ZeroInflatedProbs(dist.Poisson(2.0), 0.3),
    "ZeroSumNormal": lambda: dist.ZeroSumNormal(1.0, (3,)),
}

# Gaussians of several dimensions, points, and what is made of laws that are in one of the two tables.
COVERED = {
    "Delta",
    "Distribution",
    "ExpandedDistribution",
    "Independent",
    "LowRankMultivariateNormal",
    "MixtureGeneral",
    "MixtureSameFamily",
    "MultivariateNormal",
    "TransformedDistribution",
}


def names() -> set[str]:
    """Of all laws that this version of NumPyro has."""
    return {
        name for name, value in vars(dist).items() if inspect.isclass(value) and issubclass(value, dist.Distribution)
    }
