"""Well-known objects by name, so that "M31" and "Crab" are places on the sky without any service.

All Messier objects, some 150 of the New General and Index Catalogues, and the sources, remnants, stars and fields
that this field speaks of. Positions are ICRS degrees, meant to be right to 0.01; of what is extended, of the middle
that the origin states. Origin: OpenNGC (Messier, NGC and IC objects), gamma-cat (extended sources of TeV gamma rays),
Green's catalogue of supernova remnants; the others as published in general (SIMBAD, NED). M 102 is taken for NGC 5866.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

# name, other names, right ascension, declination
_OBJECTS = """
M 1,NGC 1952,Crab Nebula,Crab,Taurus A,Tau A,3C 144,SN 1054 83.633 +22.014; M 2,NGC 7089 323.363 -0.823
M 3,NGC 5272 205.547 +28.375; M 4,NGC 6121 245.897 -26.526; M 5,NGC 5904 229.641 +2.083; M 6,NGC 6405 265.086 -32.254
M 7,NGC 6475 268.463 -34.793; M 8,NGC 6523,Lagoon Nebula 270.922 -24.380; M 9,NGC 6333 259.799 -18.516
M 10,NGC 6254 254.287 -4.099; M 11,NGC 6705,Wild Duck Cluster 282.775 -6.270; M 12,NGC 6218 251.811 -1.948
M 13,NGC 6205,Hercules Globular Cluster 250.423 +36.461; M 14,NGC 6402 264.401 -3.246; M 15,NGC 7078 322.493 +12.167
M 16,NGC 6611,Eagle Nebula 274.701 -13.807; M 17,NGC 6618,Omega Nebula,Swan Nebula 275.196 -16.172
M 18,NGC 6613 274.994 -17.102; M 19,NGC 6273 255.657 -26.268; M 20,NGC 6514,Trifid Nebula 270.675 -22.972
M 21,NGC 6531 271.056 -22.490; M 22,NGC 6656,Great Sagittarius Cluster 279.101 -23.903; M 23,NGC 6494 269.270 -18.985
M 24,IC 4715,Sagittarius Star Cloud 274.234 -18.515; M 25,IC 4725 277.945 -19.115; M 26,NGC 6694 281.328 -9.384
M 27,NGC 6853,Dumbbell Nebula 299.902 +22.721; M 28,NGC 6626 276.137 -24.870; M 29,NGC 6913 305.991 +38.508
M 30,NGC 7099 325.092 -23.179; M 31,NGC 224,Andromeda Galaxy,Andromeda Nebula 10.685 +41.269
M 32,NGC 221 10.674 +40.865; M 33,NGC 598,Triangulum Galaxy,Pinwheel of Triangulum 23.462 +30.660
M 34,NGC 1039 40.531 +42.746; M 35,NGC 2168 92.271 +24.339; M 36,NGC 1960 84.074 +34.141; M 37,NGC 2099 88.076 +32.553
M 38,NGC 1912 82.177 +35.855; M 39,NGC 7092 322.951 +48.438; M 40,Winnecke 4 185.567 +58.084
M 41,NGC 2287 101.500 -20.754; M 42,NGC 1976,Orion Nebula 83.819 -5.390
M 43,NGC 1982,De Mairan's Nebula 83.881 -5.267; M 44,NGC 2632,Praesepe,Beehive Cluster 130.093 +19.672
M 45,Pleiades,Seven Sisters 56.869 +24.105; M 46,NGC 2437 115.445 -14.810; M 47,NGC 2422 114.146 -14.483
M 48,NGC 2548 123.430 -5.750; M 49,NGC 4472 187.445 +8.000; M 50,NGC 2323 105.669 -8.364
M 51,NGC 5194,Whirlpool Galaxy 202.470 +47.195; M 52,NGC 7654 351.202 +61.593; M 53,NGC 5024 198.230 +18.169
M 54,NGC 6715 283.764 -30.478; M 55,NGC 6809 294.998 -30.962; M 56,NGC 6779 289.148 +30.184
M 57,NGC 6720,Ring Nebula 283.396 +33.029; M 58,NGC 4579 189.431 +11.818; M 59,NGC 4621 190.509 +11.647
M 60,NGC 4649 190.917 +11.553; M 61,NGC 4303 185.479 +4.474; M 62,NGC 6266 255.302 -30.112
M 63,NGC 5055,Sunflower Galaxy 198.956 +42.029; M 64,NGC 4826,Black Eye Galaxy 194.182 +21.683
M 65,NGC 3623 169.733 +13.092; M 66,NGC 3627 170.062 +12.992; M 67,NGC 2682 132.834 +11.812
M 68,NGC 4590 189.867 -26.743; M 69,NGC 6637 277.847 -32.348; M 70,NGC 6681 280.803 -32.292
M 71,NGC 6838 298.442 +18.778; M 72,NGC 6981 313.366 -12.537; M 73,NGC 6994 314.733 -12.636
M 74,NGC 628,Phantom Galaxy 24.174 +15.784; M 75,NGC 6864 301.520 -21.922
M 76,NGC 650,Little Dumbbell Nebula 25.582 +51.575; M 77,NGC 1068,3C 71,Cetus A 40.670 -0.013
M 78,NGC 2068 86.691 +0.079; M 79,NGC 1904 81.044 -24.524; M 80,NGC 6093 244.260 -22.975
M 81,NGC 3031,Bode's Galaxy 148.888 +69.065; M 82,NGC 3034,Cigar Galaxy,3C 231 148.970 +69.679
M 83,NGC 5236,Southern Pinwheel Galaxy 204.254 -29.865; M 84,NGC 4374,3C 272.1 186.266 +12.887
M 85,NGC 4382 186.350 +18.192; M 86,NGC 4406 186.549 +12.946; M 87,NGC 4486,Virgo A,Vir A,3C 274 187.706 +12.391
M 88,NGC 4501 187.997 +14.420; M 89,NGC 4552 188.916 +12.556; M 90,NGC 4569 189.207 +13.163
M 91,NGC 4548 188.860 +14.496; M 92,NGC 6341 259.280 +43.137; M 93,NGC 2447 116.122 -23.853
M 94,NGC 4736 192.721 +41.120; M 95,NGC 3351 160.990 +11.704; M 96,NGC 3368 161.691 +11.820
M 97,NGC 3587,Owl Nebula 168.699 +55.019; M 98,NGC 4192 183.451 +14.900; M 99,NGC 4254,Coma Pinwheel 184.707 +14.417
M 100,NGC 4321 185.728 +15.822; M 101,NGC 5457,Pinwheel Galaxy 210.802 +54.349; M 102,NGC 5866 226.623 +55.763
M 103,NGC 581 23.341 +60.658; M 104,NGC 4594,Sombrero Galaxy 189.998 -11.623; M 105,NGC 3379 161.957 +12.582
M 106,NGC 4258 184.740 +47.304; M 107,NGC 6171 248.133 -13.054; M 108,NGC 3556 167.879 +55.674
M 109,NGC 3992 179.400 +53.375; M 110,NGC 205 10.092 +41.685; NGC 55 3.723 -39.197
NGC 104,47 Tucanae,47 Tuc 6.022 -72.081; NGC 147 8.300 +48.509; NGC 185 9.742 +48.337; NGC 188 11.865 +85.270
NGC 246,Skull Nebula 11.764 -11.872; NGC 253,Sculptor Galaxy,Silver Coin Galaxy 11.888 -25.288
NGC 281,Pacman Nebula 13.247 +56.622; NGC 288 13.198 -26.590; NGC 292,Small Magellanic Cloud,SMC 13.187 -72.829
NGC 300 13.723 -37.684; NGC 346 14.771 -72.177; NGC 362 15.809 -70.848; NGC 457,Owl Cluster 19.886 +58.291
NGC 604 23.638 +30.785; NGC 663 26.567 +61.218; NGC 752 29.395 +37.833; NGC 869,h Persei,h Per 34.744 +57.117
NGC 884,chi Persei,chi Per 35.634 +57.144; NGC 891 35.639 +42.349; NGC 925 36.820 +33.579; NGC 1023 40.100 +39.063
NGC 1097 41.579 -30.275; NGC 1232 47.440 -20.579
NGC 1275,Perseus A,Per A,3C 84,Perseus Cluster,Abell 426 49.951 +41.512; NGC 1300 49.921 -19.411
NGC 1313 49.567 -66.498; NGC 1316,Fornax A,For A 50.674 -37.208; NGC 1365 53.402 -36.140
NGC 1399,Fornax Cluster 54.621 -35.451; NGC 1499,California Nebula 60.810 +36.367
NGC 1535,Cleopatra's Eye 63.566 -12.739; NGC 1566 65.002 -54.938; NGC 1569 67.704 +64.848; NGC 1672 71.427 -59.247
NGC 1851 78.528 -40.047; NGC 1977,Running Man Nebula 83.816 -4.844; NGC 2024,Flame Nebula 85.427 -1.856
NGC 2070,Tarantula Nebula,30 Doradus,30 Dor 84.676 -69.101; NGC 2158 91.857 +24.096
NGC 2244,Rosette Nebula,Rosette 97.981 +4.943; NGC 2261,Hubble's Variable Nebula 99.790 +8.744
NGC 2264,Christmas Tree Cluster 100.243 +9.895; NGC 2359,Thor's Helmet 109.629 -13.227
NGC 2392,Eskimo Nebula 112.295 +20.912; NGC 2403 114.214 +65.603; NGC 2419,Intergalactic Wanderer 114.533 +38.880
NGC 2516 119.529 -60.753; NGC 2683,UFO Galaxy 133.172 +33.422; NGC 2808 138.011 -64.863; NGC 2841 140.511 +50.977
NGC 2903 143.042 +21.501; NGC 2997 146.412 -31.191; NGC 3079 150.491 +55.680; NGC 3115,Spindle Galaxy 151.308 -7.719
NGC 3132,Southern Ring Nebula,Eight-Burst Nebula 151.757 -40.437; NGC 3201 154.403 -46.411
NGC 3242,Ghost of Jupiter 156.192 -18.642; NGC 3293 158.953 -58.224; NGC 3311,Hydra Cluster,Abell 1060 159.178 -27.528
NGC 3372,Carina Nebula 161.286 -59.867; NGC 3521 166.452 -0.036; NGC 3532 166.449 -58.770; NGC 3603 168.777 -61.261
NGC 3628,Hamburger Galaxy 170.071 +13.590; NGC 3766 174.060 -61.605; NGC 3918,Blue Planetary Nebula 177.575 -57.182
NGC 4038,Antennae Galaxies,Antennae 180.471 -18.868; NGC 4039 180.473 -18.886; NGC 4151 182.636 +39.406
NGC 4216 183.977 +13.149; NGC 4244 184.374 +37.807; NGC 4261,3C 270 184.847 +5.825; NGC 4388 186.445 +12.662
NGC 4395 186.454 +33.547; NGC 4449 187.046 +44.094; NGC 4490,Cocoon Galaxy 187.651 +41.644; NGC 4535 188.585 +8.198
NGC 4559 188.990 +27.960; NGC 4565,Needle Galaxy 189.087 +25.988; NGC 4631,Whale Galaxy 190.533 +32.541
NGC 4656,Hockey Stick Galaxy 190.991 +32.168; NGC 4676,Mice Galaxies 191.545 +30.727
NGC 4696,Centaurus Cluster 192.205 -41.311; NGC 4755,Jewel Box 193.405 -60.356; NGC 4889 195.034 +27.977
NGC 4945 196.364 -49.468; NGC 4993 197.449 -23.384; NGC 5128,Centaurus A,Cen A 201.365 -43.019
NGC 5139,Omega Centauri,omega Cen 201.691 -47.477; NGC 5253 204.983 -31.640; NGC 5466 211.364 +28.535
NGC 5548 214.498 +25.137; NGC 5907,Splinter Galaxy 228.974 +56.329; NGC 6188 250.024 -48.662; NGC 6240 253.245 +2.401
NGC 6251 248.133 +82.538; NGC 6302,Bug Nebula,Butterfly Nebula 258.436 -37.103
NGC 6334,Cat's Paw Nebula 260.207 -36.103; NGC 6357 261.182 -34.201; NGC 6397 265.172 -53.674
NGC 6503 267.360 +70.144; NGC 6522 270.892 -30.034; NGC 6543,Cat's Eye Nebula 269.639 +66.633
NGC 6624 275.919 -30.361; NGC 6744 287.442 -63.858; NGC 6752 287.716 -59.982
NGC 6818,Little Gem Nebula 295.991 -14.153; NGC 6822,Barnard's Galaxy 296.241 -14.803
NGC 6826,Blinking Planetary 296.200 +50.525; NGC 6888,Crescent Nebula 303.027 +38.355
NGC 6946,Fireworks Galaxy 308.718 +60.154; NGC 6960,Western Veil Nebula 311.492 +30.595
NGC 6992,Eastern Veil Nebula 314.079 +31.743; NGC 7000,North America Nebula 314.821 +44.529
NGC 7009,Saturn Nebula 316.045 -11.363; NGC 7023,Iris Nebula 315.398 +68.170; NGC 7027 316.756 +42.237
NGC 7293,Helix Nebula 337.411 -20.837; NGC 7331 339.267 +34.416; NGC 7469 345.815 +8.874; NGC 7479 346.236 +12.323
NGC 7635,Bubble Nebula 350.190 +61.212; NGC 7662,Blue Snowball 351.475 +42.535
NGC 7789,Caroline's Rose 359.350 +56.708; NGC 7793 359.458 -32.591; NGC 7822 0.897 +67.162; IC 10 5.072 +59.304
IC 310 49.179 +41.325; IC 342 56.702 +68.096; IC 405,Flaming Star Nebula 79.123 +34.356; IC 410 80.675 +33.367
IC 418,Spirograph Nebula 81.867 -12.697; IC 434 85.254 -2.454; IC 443,Jellyfish Nebula,3C 157 94.156 +22.532
IC 1101 227.734 +5.745; IC 1396,Elephant's Trunk Nebula 324.740 +57.489; IC 1613 16.199 +2.118
IC 1805,Heart Nebula 38.173 +61.457; IC 1848,Soul Nebula 42.794 +60.402; IC 2118,Witch Head Nebula 76.231 -7.266
IC 2391 130.133 -53.035; IC 2602,Southern Pleiades 160.739 -64.394; IC 2944,Running Chicken Nebula 173.946 -63.020
IC 4406,Retina Nebula 215.610 -44.150; IC 5070,Pelican Nebula 312.753 +44.401; IC 5146,Cocoon Nebula 328.370 +47.267
Sgr A*,Sagittarius A*,Galactic Centre,Galactic Center 266.417 -29.008; Sgr B2,Sagittarius B2 266.835 -28.385
Large Magellanic Cloud,LMC,ESO 56-115 80.894 -69.756; Circinus Galaxy,ESO 97-13 213.291 -65.339
Stephan's Quintet,HCG 92 338.996 +33.958; Hyades,Mel 25 66.725 +15.867; Horsehead Nebula,Barnard 33 85.246 -2.458
Double Cluster,h and chi Persei 35.175 +57.138; Coma Star Cluster,Mel 111 186.275 +26.1; Orion KL 83.810 -5.375
Cas A,Cassiopeia A,3C 461,SNR G111.7-2.1 350.85 +58.815; Tycho,Tycho's SNR,SN 1572,3C 10,SNR G120.1+1.4 6.34 +64.141
Kepler,Kepler's SNR,SN 1604,SNR G4.5+6.8 262.675 -21.483; SN 1006,SNR G327.6+14.6 225.708 -41.933
SN 1987A 83.867 -69.270; RX J1713.7-3946,SNR G347.3-0.5 258.355 -39.771; RCW 86,SNR G315.4-2.3,SN 185 220.121 -62.645
Vela Junior,Vela Jr,RX J0852.0-4622,SNR G266.2-1.2 133.0 -46.333; Gamma Cygni SNR,SNR G78.2+2.1 305.208 +40.433
Puppis A,SNR G260.4-3.4 125.542 -43.0; W 28,SNR G6.4-0.1 270.125 -23.433; W 44,SNR G34.7-0.4,3C 392 284.0 +1.367
W 49B,SNR G43.3-0.2 287.783 +9.1; W 51C,SNR G49.2-0.7 290.958 +14.1
Cygnus Loop,Veil Nebula,SNR G74.0-8.5 312.75 +30.667
CTA 1,SNR G119.5+10.2 1.65 +72.783; 3C 58,SNR G130.7+3.1,PSR J0205+6449 31.408 +64.828; MSH 15-52 228.529 -59.158
SNR G0.9+0.1 266.825 -28.15; Westerlund 1,Wd 1 251.767 -45.851; Terzan 5 267.02 -24.779
HESS J1825-137 276.554 -13.58; HESS J1640-465 250.125 -46.55; HESS J1303-631 195.752 -63.199
HESS J1731-347 262.979 -34.71; MGRO J1908+06 287.175 +6.183; TeV J2032+4130 308.025 +41.567
Vela Pulsar,Vela,PSR J0835-4510,PSR B0833-45 128.836 -45.176; Geminga,PSR J0633+1746 98.476 +17.770
Crab Pulsar,PSR J0534+2200,PSR B0531+21 83.633 +22.014; Hulse-Taylor Pulsar,PSR B1913+16,PSR J1915+1606 288.867 +16.108
Double Pulsar,PSR J0737-3039 114.464 -30.661; PSR J0437-4715 69.316 -47.253; PSR B1919+21,PSR J1921+2153 290.437 +21.884
PSR B1259-63,PSR J1302-6350 195.699 -63.836; SGR 1806-20 272.164 -20.411; SGR 1935+2154 293.732 +21.897
Cyg X-1,Cygnus X-1,HDE 226868 299.590 +35.202; Cyg X-3,Cygnus X-3 308.107 +40.958; Sco X-1,Scorpius X-1 244.979 -15.640
Her X-1,Hercules X-1 254.458 +35.342; Vela X-1 135.529 -40.555; Cen X-3 170.313 -60.624; GX 339-4 255.706 -48.790
SS 433 287.957 +4.983; GRS 1915+105 288.798 +10.946; V404 Cyg,V404 Cygni 306.016 +33.867; LS 5039 276.563 -14.848
LS I +61 303 40.132 +61.229; HESS J0632+057,MWC 148 98.247 +5.8; Eta Carinae,Eta Car 161.265 -59.684
T CrB,T Coronae Borealis 239.876 +25.920; RS Oph,RS Ophiuchi 267.555 -6.708
Mrk 421 166.114 +38.209; Mrk 501 253.468 +39.760; Mrk 180 174.110 +70.158; Mrk 231 194.059 +56.874
PKS 2155-304 329.717 -30.226; PKS 2005-489 302.356 -48.832; PKS 1510-089 228.211 -9.1; PKS 1424+240 216.752 +23.8
PKS 1222+216,4C +21.35 186.227 +21.380; PKS 1830-211 278.416 -21.061; TXS 0506+056,IceCube-170922A 77.358 +5.693
PG 1553+113 238.929 +11.190; AP Librae,AP Lib 229.424 -24.372; W Comae,ON 231 185.382 +28.233
BL Lacertae,BL Lac 330.680 +42.278; OJ 287 133.704 +20.109; S5 0716+714 110.473 +71.343; S3 0218+357 35.273 +35.937
1ES 0229+200 38.203 +20.288; 1ES 0347-121 57.347 -11.991; 1ES 1011+496 153.767 +49.434; 1ES 1101-232 165.907 -23.492
1ES 1215+303 184.467 +30.117; 1ES 1218+304 185.341 +30.177; 1ES 1959+650 299.999 +65.149; 1ES 2344+514 356.770 +51.705
H 1426+428 217.136 +42.673; H 2356-309 359.783 -30.628; 3C 48 24.422 +33.160; 3C 66A 35.665 +43.036
3C 120 68.296 +5.354
3C 147 85.651 +49.852; 3C 273 187.278 +2.052; 3C 279 194.047 -5.789; 3C 286 202.785 +30.509; 3C 295 212.835 +52.203
3C 345 250.745 +39.810; 3C 390.3 280.537 +79.771; 3C 454.3 343.491 +16.148; Cygnus A,Cyg A,3C 405 299.868 +40.734
Hercules A,Her A,3C 348 252.784 +4.993; Hydra A,Hyd A,3C 218 139.524 -12.096; Pictor A,Pic A 79.957 -45.779
Arp 220 233.739 +23.503; TON 618 187.104 +31.477; Einstein Cross,Q2237+0305 340.126 +3.358
Cartwheel Galaxy,ESO 350-40 9.421 -33.716; Virgo Cluster 186.634 +12.723; Coma Cluster,Coma,Abell 1656 194.953 +27.981
Bullet Cluster,1E 0657-56 104.63 -55.947; GW170817,GRB 170817A,AT 2017gfo,SSS17a 197.450 -23.381
GRB 190114C 54.505 -26.946; GRB 221009A 288.265 +19.773; FRB 121102,FRB 20121102A 82.995 +33.148
Hubble Deep Field,HDF-N,HDF 189.206 +62.216; Hubble Ultra Deep Field,HUDF 53.162 -27.791
Chandra Deep Field South,CDF-S,CDFS 53.117 -27.808; COSMOS,COSMOS Field 150.116 +2.201
Sirius,alpha CMa 101.287 -16.716; Vega,alpha Lyr 279.235 +38.784; Polaris,alpha UMi 37.955 +89.264
Betelgeuse,alpha Ori 88.793 +7.407; Aldebaran,alpha Tau 68.980 +16.509; Arcturus,alpha Boo 213.915 +19.182
Antares,alpha Sco 247.352 -26.432; Rigel,beta Ori 78.634 -8.202; Fomalhaut,alpha PsA 344.413 -29.622
Algol,beta Per 47.042 +40.956; Mira,omicron Cet 34.837 -2.978; Alpha Centauri,alpha Cen,Rigil Kentaurus 219.902 -60.834
Proxima Centauri,Proxima Cen,Proxima 217.429 -62.679; Barnard's Star 269.452 +4.693
TRAPPIST-1 346.622 -5.041; 51 Pegasi,51 Peg 344.367 +20.769
"""

_CATALOGUES = {"messier": "m", "markarian": "mrk", "mkn": "mrk"}


class KnownObject(NamedTuple):
    """An object and where it is; degrees, ICRS. ``source`` says so."""

    name: str
    ra: float
    dec: float
    source: str = "built-in"


def known_object(name: str) -> KnownObject | None:
    """The object of that name; case, spaces, dashes and apostrophes do not matter, nor Greek letters spelled out."""
    return _by_key().get(_key(name)) if len(name) <= _LONGEST else None


def names() -> dict[str, KnownObject]:
    """Every name that is known, as it is written."""
    found: dict[str, KnownObject] = {}
    for entry in re.split(r"[;\n]\s*", _OBJECTS.strip()):
        called, ra, dec = entry.rsplit(" ", 2)
        one = KnownObject(called.partition(",")[0], float(ra), float(dec))
        found |= dict.fromkeys(called.split(","), one)
    return found


_LONGEST = 80


@functools.cache
def _by_key() -> dict[str, KnownObject]:
    return {_key(name): found for name, found in names().items()}


def _key(name: str) -> str:
    """``Messier 031``, ``M31`` and ``m-31`` are ``m31``; the plus of a declination stays, so that it is not a minus."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = re.sub("[α-ω]", lambda letter: unicodedata.name(letter[0]).split()[-1].lower(), plain)
    plain = re.sub(r"[\s_\-\u2010-\u2015\u2212'’`´\u0300-\u036f]+", "", plain)
    found = re.fullmatch(r"([a-z]+)0*(\d+)", plain)
    if found is None:
        return plain
    return _CATALOGUES.get(found[1], found[1]) + found[2]
