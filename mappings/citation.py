"""Words of citation metadata in one spelling: identifiers, kinds, relation types, licences, languages.

The vocabularies are those of DataCite 4.6."""

# ruff: noqa: SIM905 -- word tables: as lists of quoted strings they would fill pages

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from mappings.text import one_line

_DOI = re.compile(
    r"(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*|info:doi/)?(10\.\d{4,9}(?:\.\d+)*/\S+)", re.IGNORECASE
)
_ORCID = re.compile(
    r"(?:(?:https?://)?(?:www\.)?orcid\.org/|orcid:)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dXx])/?", re.ASCII
)

# resourceTypeGeneral (DataCite 4.6, appendix 1, table 7) where it has a kind of the record; the rest is "other"
_KINDS = {
    "collection": "collection",
    "dataset": "dataset",
    "service": "service",
    "standard": "standard",
    **dict.fromkeys(("software", "computationalnotebook", "workflow"), "software"),
    **dict.fromkeys(
        """book bookchapter conferencepaper conferenceproceeding datapaper dissertation journal journalarticle
        outputmanagementplan peerreview poster preprint presentation report studyregistration text""".split(),
        "publication",
    ),
}

RELATIONS = """IsCitedBy Cites IsSupplementTo IsSupplementedBy IsContinuedBy Continues IsDescribedBy Describes
HasMetadata IsMetadataFor HasVersion IsVersionOf IsNewVersionOf IsPreviousVersionOf IsPartOf HasPart IsPublishedIn
IsReferencedBy References IsDocumentedBy Documents IsCompiledBy Compiles IsVariantFormOf IsOriginalFormOf
IsIdenticalTo IsReviewedBy Reviews IsDerivedFrom IsSourceOf IsRequiredBy Requires IsObsoletedBy Obsoletes
IsCollectedBy Collects IsTranslationOf HasTranslation""".split()
CONTRIBUTORS = """ContactPerson DataCollector DataCurator DataManager Distributor Editor HostingInstitution Producer
ProjectLeader ProjectManager ProjectMember RegistrationAgency RegistrationAuthority RelatedPerson Researcher
ResearchGroup RightsHolder Sponsor Supervisor Translator WorkPackageLeader Other""".split()
DATES = """Accepted Available Collected Copyrighted Coverage Created Issued Other Submitted Updated Valid
Withdrawn""".split()
_WORDS = {word.casefold(): word for word in (*RELATIONS, *CONTRIBUTORS, *DATES)}

# Identifier schemes under the names that DataCite, InvenioRDM and others give them
_SCHEMES = {
    "ads": "bibcode", "hdl": "handle", "swh": "swhid", "w3id": "url", "purl": "url", "uri": "url",
    "ivorn": "ivoid", "ivo": "ivoid", "international standard book number": "isbn",
}  # fmt: skip
_PREFIXES = [
    ("ivoid", re.compile(r"(?=ivo://[^/?#\s]+\S*$)", re.IGNORECASE)),
    ("handle", re.compile(r"(?:hdl:|info:hdl/|https?://hdl\.handle\.net/)", re.IGNORECASE)),
    ("arxiv", re.compile(r"(?:arxiv:|https?://arxiv\.org/(?:abs|pdf)/)", re.IGNORECASE)),
    ("bibcode", re.compile(r"https?://(?:ui\.)?adsabs\.harvard\.edu/(?:abs/|#abs/)", re.IGNORECASE)),
    ("ark", re.compile(r"(?:https?://[^/\s]+/)?(?=ark:)", re.IGNORECASE)),
    ("oai", re.compile(r"(?=oai:[\w.-]+:)", re.IGNORECASE)),
    ("swhid", re.compile(r"(?=swh:1:)")),
    ("urn", re.compile(r"(?=urn:)", re.IGNORECASE)),
    ("url", re.compile(r"(?=(?:https?|ftp)://\S+$)", re.IGNORECASE)),
]  # fmt: skip
_BIBCODE = re.compile(r"\d{4}[A-Za-z&.]{5}[\w.&]{9}[A-Z.]")

# SPDX ids by what repositories write for them; Creative Commons follows a rule, see licence()
_SPDX = """0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-2.0 BSD-1-Clause BSD-2-Clause
BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CECILL-2.1 CECILL-B
CECILL-C CERN-OHL-P-2.0 CERN-OHL-S-2.0 CERN-OHL-W-2.0 ECL-2.0 EPL-1.0 EPL-2.0 etalab-2.0 EUPL-1.1 EUPL-1.2
GFDL-1.3-only GFDL-1.3-or-later GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC
LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-1.1
MPL-2.0 MS-PL NCSA ODbL-1.0 ODC-By-1.0 OGL-UK-3.0 OFL-1.1 OSL-3.0 PDDL-1.0 PostgreSQL PSF-2.0 Python-2.0 Unlicense
W3C WTFPL Zlib ZPL-2.1""".split()
_LICENCES = {name.casefold(): name for name in _SPDX} | {
    **{f"{gpl}-{n}": f"{gpl.upper()}-{n}-only" for gpl in ("gpl", "lgpl", "agpl") for n in ("2.0", "2.1", "3.0")},
    **{f"{gpl}-{n}+": f"{gpl.upper()}-{n}-or-later" for gpl in ("gpl", "lgpl", "agpl") for n in ("2.0", "2.1", "3.0")},
    "cc-zero": "CC0-1.0", "cc0": "CC0-1.0", "cc0-1.0": "CC0-1.0", "apache2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "mit-license": "MIT", "bsd-license": "BSD-2-Clause", "odc-by": "ODC-By-1.0", "odc-odbl": "ODbL-1.0",
    "odc-pddl": "PDDL-1.0",
}  # fmt: skip
_CC = re.compile(r"cc-(by(?:-nc)?(?:-sa|-nd)?)-(\d\.\d)((?:-[a-z]{2,3})?)")
_LICENCE_URIS = [
    (re.compile(r"creativecommons\.org/licenses/(by[a-z-]*)/(\d\.\d)(?:/(?!legalcode|deed)([a-z]{2,3}))?"), "cc-{}-{}"),
    (re.compile(r"creativecommons\.org/publicdomain/zero/(\d\.\d)"), "cc0-{}"),
    (re.compile(r"(?:opensource\.org/licenses?|spdx\.org/licenses)/([\w.+-]+?)(?:\.html|\.php|\.json)?/?$"), "{}"),
    (re.compile(r"apache\.org/licenses/license-(\d\.\d)"), "apache-{}"),
    (re.compile(r"gnu\.org/licenses/(?:old-licenses/)?([al]?gpl-\d\.\d)"), "{}"),
    (re.compile(r"opendatacommons\.org/licenses/(by|odbl|pddl)"), "odc-{}"),
]

# ISO 639-2 and 639-3 codes whose BCP 47 form is the shorter ISO 639-1 code (RFC 5646, section 2.2.1)
_LANGUAGES = dict(
    pair.split("=")
    for pair in """aar=aa abk=ab afr=af aka=ak alb=sq amh=am ara=ar arg=an arm=hy asm=as ava=av ave=ae aym=ay aze=az
    bak=ba bam=bm baq=eu bel=be ben=bn bis=bi bod=bo bos=bs bre=br bul=bg bur=my cat=ca ces=cs cha=ch che=ce chi=zh
    chu=cu chv=cv cor=kw cos=co cre=cr cym=cy cze=cs dan=da deu=de div=dv dut=nl dzo=dz ell=el eng=en epo=eo est=et
    eus=eu ewe=ee fao=fo fas=fa fij=fj fin=fi fra=fr fre=fr fry=fy ful=ff geo=ka ger=de gla=gd gle=ga glg=gl glv=gv
    gre=el grn=gn guj=gu hat=ht hau=ha heb=he her=hz hin=hi hmo=ho hrv=hr hun=hu hye=hy ibo=ig ice=is ido=io iii=ii
    iku=iu ile=ie ina=ia ind=id ipk=ik isl=is ita=it jav=jv jpn=ja kal=kl kan=kn kas=ks kat=ka kau=kr kaz=kk khm=km
    kik=ki kin=rw kir=ky kom=kv kon=kg kor=ko kua=kj kur=ku lao=lo lat=la lav=lv lim=li lin=ln lit=lt ltz=lb lub=lu
    lug=lg mac=mk mah=mh mal=ml mao=mi mar=mr may=ms mkd=mk mlg=mg mlt=mt mon=mn mri=mi msa=ms mya=my nau=na nav=nv
    nbl=nr nde=nd ndo=ng nep=ne nld=nl nno=nn nob=nb nor=no nya=ny oci=oc oji=oj ori=or orm=om oss=os pan=pa per=fa
    pli=pi pol=pl por=pt pus=ps que=qu roh=rm ron=ro rum=ro run=rn rus=ru sag=sg san=sa sin=si slk=sk slo=sk slv=sl
    sme=se smo=sm sna=sn snd=sd som=so sot=st spa=es sqi=sq srd=sc srp=sr ssw=ss sun=su swa=sw swe=sv tah=ty tam=ta
    tat=tt tel=te tgk=tg tgl=tl tha=th tib=bo tir=ti ton=to tsn=tn tso=ts tuk=tk tur=tr twi=tw uig=ug ukr=uk urd=ur
    uzb=uz ven=ve vie=vi vol=vo wel=cy wln=wa wol=wo xho=xh yid=yi yor=yo zha=za zho=zh zul=zu""".split()
)
_LANGUAGE_NAMES = {"english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it"}


def kind_of(general: str) -> str:
    """Give the record's kind for a DataCite ``resourceTypeGeneral``, whatever its case."""
    return _KINDS.get(general.strip().casefold(), "other")


def vocabulary_word(word: str) -> str:
    """Spell a relation, contributor or date type as DataCite does (``isversionof``: ``IsVersionOf``); others stay."""
    word = one_line(word)
    known = _WORDS.get(word.replace("-", "").replace("_", "").replace(" ", "").casefold())
    return known or word[:1].upper() + word[1:]


def doi_of(text: str) -> str | None:
    """Give the bare DOI in lower case (DOIs do not tell case apart), None when ``text`` is none."""
    found = _DOI.fullmatch(unquote(text.strip()) if "%2f" in text[:60].casefold() else text.strip())
    return found[1].lower() if found else None


def orcid_of(text: str) -> str | None:
    """Give the bare ORCID iD, None when it is malformed or its check digit (ISO 7064, MOD 11-2) is wrong."""
    found = _ORCID.fullmatch(text.strip())
    if not found:
        return None
    digits = "".join(found.groups()).upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2 % 11
    check = (12 - total) % 11
    return "-".join((*found.groups()[:3], found[4].upper())) if digits[-1] == "0123456789X"[check] else None


def identify(value: str, scheme: str | None = None) -> dict[str, str] | None:
    """Make an identifier without its resolver's address; None for an empty one or a DOI that is none.

    ``scheme`` is what the source calls it; without one, or where it only says URL, the value speaks for itself.
    """
    value = one_line(value)
    scheme = one_line(scheme or "").casefold()
    scheme = _SCHEMES.get(scheme, scheme)
    if not value:
        return None
    if scheme in ("", "url", "doi", "other", "oai"):
        if doi := doi_of(value):
            return {"scheme": "doi", "value": doi}
        if scheme == "doi":
            return None
    if scheme in ("", "url", "other") and (spoken := _recognised(value)):
        return spoken
    for name, prefix in _PREFIXES:
        if name == scheme and (found := prefix.match(value)) and found.end() < len(value):
            return _recognised(value) or {"scheme": scheme, "value": value}
    return {"scheme": scheme or "other", "value": value}


def _recognised(value: str) -> dict[str, str] | None:
    if _BIBCODE.fullmatch(value):
        return {"scheme": "bibcode", "value": value}
    for scheme, prefix in _PREFIXES:
        if (found := prefix.match(value)) and found.end() < len(value):
            rest = value[found.end() :]
            return {"scheme": scheme, "value": ivoid_of(rest) if scheme == "ivoid" else rest}
    return None


def ivoid_of(text: str) -> str:
    """An IVOID as it is compared: in lower case but for its local part (IVOA Identifiers 2.0, sections 2.5, 2.6)."""
    end = min((at for mark in "?#" if (at := text.find(mark)) >= 0), default=len(text))
    return text[:end].lower() + text[end:]


def licence_of(identifier: str | None, uri: str | None = None) -> str | None:
    """Give the SPDX id of a licence, or else its URI, or else what the source wrote; None for nothing."""
    for word in filter(None, (identifier, uri)):
        if (known := _spdx(word.strip())) is not None:
            return known
    for word in filter(None, (uri, identifier)):
        if plain := one_line(word):
            return plain
    return None


def is_spdx(licence: str) -> bool:
    """Whether a licence is an SPDX id, and not its address or the source's own word."""
    return _spdx(licence) == licence


def _spdx(word: str) -> str | None:
    low = word.casefold()
    if "//" in low:
        for pattern, made in _LICENCE_URIS:
            if found := pattern.search(low):
                parts = [part for part in found.groups() if part]
                return _spdx(made.format(*parts) + "".join(f"-{part}" for part in parts[made.count("{}") :]))
        return None
    if low.startswith("cc-") and (found := _CC.fullmatch(low)):
        return f"CC-{found[1].upper()}-{found[2]}{found[3].upper()}"
    return _LICENCES.get(low)


def language_of(word: str) -> str:
    """Give the BCP 47 tag of a language code (``eng``: ``en``); what is unknown stays."""
    word = one_line(word)
    low = word.casefold()
    return _LANGUAGES.get(low) or _LANGUAGE_NAMES.get(low) or word.replace("_", "-")


def host_of(url: Any) -> str:
    """Give the host of an address in lower case, ``""`` when it has none or is none."""
    if not isinstance(url, str):
        return ""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
