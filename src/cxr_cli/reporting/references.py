"""The table of references: what the program's methods are cited as. Every text that cites one takes it from here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Publication:
    """A publication."""

    authors: str
    title: str
    where: str  # journal or proceedings, with volume and first page
    year: int
    doi: str = ""  # empty where it has none

    def __str__(self) -> str:
        """Describe it as a line of a list of references."""
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{self.authors}. {self.title}. {self.where}, {self.year}.{doi}"

    @property
    def short(self) -> str:
        """Its authors' names and its year, as a sentence cites it: "Wilson 1927", "Zou & Donner 2008"."""
        names = [author.rsplit(" ", 1)[0] for author in self.authors.split(", ")]
        return f"{' & '.join(names) if len(names) < 3 else f'{names[0]} et al.'} {self.year}"


REFERENCES = {
    # Architectures, by their names in `ARCHITECTURES`
    "mobilenetv2": Publication(
        "Sandler M, Howard A, Zhu M, Zhmoginov A, Chen LC",
        "MobileNetV2: inverted residuals and linear bottlenecks",
        "CVPR, p. 4510",
        2018,
        "10.1109/CVPR.2018.00474",
    ),
    "mobilenet": Publication(
        "Howard AG, Zhu M, Chen B, et al",
        "MobileNets: efficient convolutional neural networks for mobile vision applications",
        "arXiv 1704.04861",
        2017,
        "10.48550/arXiv.1704.04861",
    ),
    "resnet50": Publication(
        "He K, Zhang X, Ren S, Sun J",
        "Deep residual learning for image recognition",
        "CVPR, p. 770",
        2016,
        "10.1109/CVPR.2016.90",
    ),
    "xception": Publication(
        "Chollet F",
        "Xception: deep learning with depthwise separable convolutions",
        "CVPR, p. 1800",
        2017,
        "10.1109/CVPR.2017.195",
    ),
    "efficientnetv2-b0": Publication(
        "Tan M, Le QV",
        "EfficientNetV2: smaller models and faster training",
        "Proceedings of Machine Learning Research 139:10096",
        2021,
        "10.48550/arXiv.2104.00298",
    ),
    "densenet121": Publication(
        "Huang G, Liu Z, van der Maaten L, Weinberger KQ",
        "Densely connected convolutional networks",
        "CVPR, p. 2261",
        2017,
        "10.1109/CVPR.2017.243",
    ),
    "convnext-tiny": Publication(
        "Liu Z, Mao H, Wu CY, Feichtenhofer C, Darrell T, Xie S",
        "A ConvNet for the 2020s",
        "CVPR, p. 11966",
        2022,
        "10.1109/CVPR52688.2022.01167",
    ),
    # Training
    "xgboost": Publication(
        "Chen T, Guestrin C",
        "XGBoost: a scalable tree boosting system",
        "KDD, p. 785",
        2016,
        "10.1145/2939672.2939785",
    ),
    "imagenet": Publication(
        "Deng J, Dong W, Socher R, Li LJ, Li K, Fei-Fei L",
        "ImageNet: a large-scale hierarchical image database",
        "CVPR, p. 248",
        2009,
        "10.1109/CVPR.2009.5206848",
    ),
    "adam": Publication(
        "Kingma DP, Ba J", "Adam: a method for stochastic optimization", "ICLR", 2015, "10.48550/arXiv.1412.6980"
    ),
    "label smoothing": Publication(
        "Szegedy C, Vanhoucke V, Ioffe S, Shlens J, Wojna Z",
        "Rethinking the Inception architecture for computer vision",
        "CVPR, p. 2818",
        2016,
        "10.1109/CVPR.2016.308",
    ),
    "unet": Publication(
        "Ronneberger O, Fischer P, Brox T",
        "U-Net: convolutional networks for biomedical image segmentation",
        "MICCAI, p. 234",
        2015,
        "10.1007/978-3-319-24574-4_28",
    ),
    # Calibration and decisions
    "platt": Publication(
        "Platt JC",
        "Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods",
        "Advances in Large Margin Classifiers, MIT Press, p. 61",
        1999,
    ),
    "temperature": Publication(
        "Guo C, Pleiss G, Sun Y, Weinberger KQ",
        "On calibration of modern neural networks",
        "Proceedings of Machine Learning Research 70:1321",
        2017,
        "10.48550/arXiv.1706.04599",
    ),
    "calibration": Publication(
        "Van Calster B, McLernon DJ, van Smeden M, Wynants L, Steyerberg EW",
        "Calibration: the Achilles heel of predictive analytics",
        "BMC Medicine 17:230",
        2019,
        "10.1186/s12916-019-1466-7",
    ),
    "clustered regression": Publication(
        "Liang KY, Zeger SL",
        "Longitudinal data analysis using generalized linear models",
        "Biometrika 73:13",
        1986,
        "10.1093/biomet/73.1.13",
    ),
    "youden": Publication(
        "Youden WJ",
        "Index for rating diagnostic tests",
        "Cancer 3:32",
        1950,
        "10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3",
    ),
    "decision curve": Publication(
        "Vickers AJ, Elkin EB",
        "Decision curve analysis: a novel method for evaluating prediction models",
        "Medical Decision Making 26:565",
        2006,
        "10.1177/0272989X06295361",
    ),
    "risk coverage": Publication(
        "Geifman Y, El-Yaniv R",
        "Selective classification for deep neural networks",
        "NeurIPS, p. 4878",
        2017,
        "10.48550/arXiv.1705.08500",
    ),
    "partial auc": Publication(
        "McClish DK",
        "Analyzing a portion of the ROC curve",
        "Medical Decision Making 9:190",
        1989,
        "10.1177/0272989X8900900307",
    ),
    "prediction sets": Publication(
        "Lee Y, Barber RF, Willett R",
        "Distribution-free inference with hierarchical data",
        "arXiv 2306.06342",
        2023,
        "10.48550/arXiv.2306.06342",
    ),
    # Intervals and tests
    "wilson": Publication(
        "Wilson EB",
        "Probable inference, the law of succession, and statistical inference",
        "Journal of the American Statistical Association 22:209",
        1927,
        "10.1080/01621459.1927.10502953",
    ),
    "clustered proportions": Publication(
        "Saha KK, Miller D, Wang S",
        "A comparison of some approximate confidence intervals for a single proportion for clustered binary outcome "
        "data",
        "International Journal of Biostatistics 12",
        2016,
        "10.1515/ijb-2015-0024",
    ),
    "effective patients": Publication(
        "Rao JNK, Scott AJ",
        "A simple method for the analysis of clustered binary data",
        "Biometrics 48:577",
        1992,
        "10.2307/2532311",
    ),
    "bootstrap": Publication(
        "Efron B",
        "Bootstrap methods: another look at the jackknife",
        "Annals of Statistics 7:1",
        1979,
        "10.1214/aos/1176344552",
    ),
    "obuchowski": Publication(
        "Obuchowski NA",
        "Nonparametric analysis of clustered ROC curve data",
        "Biometrics 53:567",
        1997,
        "10.2307/2533958",
    ),
    "mover": Publication(
        "Zou GY, Donner A",
        "Construction of confidence limits about effect measures: a general approach",
        "Statistics in Medicine 27:1693",
        2008,
        "10.1002/sim.3095",
    ),
    "nadeau": Publication(
        "Nadeau C, Bengio Y",
        "Inference for the generalization error",
        "Machine Learning 52:239",
        2003,
        "10.1023/A:1024068626366",
    ),
    "holm": Publication(
        "Holm S",
        "A simple sequentially rejective multiple test procedure",
        "Scandinavian Journal of Statistics 6:65",
        1979,
    ),
    "permutation": Publication(
        "DiCiccio CJ, Romano JP",
        "Robust permutation tests for correlation and regression coefficients",
        "Journal of the American Statistical Association 112:1211",
        2017,
        "10.1080/01621459.2016.1202117",
    ),
    "standardized difference": Publication(
        "Austin PC",
        "Balance diagnostics for comparing the distribution of baseline covariates between treatment groups in "
        "propensity-score matched samples",
        "Statistics in Medicine 28:3083",
        2009,
        "10.1002/sim.3697",
    ),
    "imperfect reference": Publication(
        "Staquet M, Rozencweig M, Lee YJ, Muggia FM",
        "Methodology for the assessment of new dichotomous diagnostic tests",
        "Journal of Chronic Diseases 34:599",
        1981,
        "10.1016/0021-9681(81)90059-X",
    ),
    "corrupted labels": Publication(
        "Menon AK, van Rooyen B, Ong CS, Williamson RC",
        "Learning from corrupted binary labels via class-probability estimation",
        "Proceedings of Machine Learning Research 37:125",
        2015,
    ),
    # Explanation
    "gradcam": Publication(
        "Selvaraju RR, Cogswell M, Das A, Vedantam R, Parikh D, Batra D",
        "Grad-CAM: visual explanations from deep networks via gradient-based localization",
        "ICCV, p. 618",
        2017,
        "10.1109/ICCV.2017.74",
    ),
}


def cited(key: str) -> str:
    """A reference within a sentence: "Austin 2009, doi 10.1002/sim.3697"."""
    reference = REFERENCES[key]
    return f"{reference.short}, doi {reference.doi}" if reference.doi else reference.short


class Citations:
    """Numbers references in the order in which a text cites them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, *keys: str) -> str:
        """The numbers of references, as a text has them: " [1, 2]"."""
        for key in keys:
            assert key in REFERENCES, key
            self._numbers.setdefault(key, len(self._numbers) + 1)
        return f" [{', '.join(str(number) for number in sorted(self._numbers[key] for key in keys))}]"

    def listed(self) -> list[str]:
        """The references that were cited, by number."""
        return [str(REFERENCES[key]) for key in self._numbers]
