<resource schema="sky" resdir=".">
  <!-- A cone search over five famous objects, and a row of collections, so that a list of them needs many pages. -->
  <meta name="creationDate">2026-01-05T00:00:00Z</meta>
  <meta name="title">Five famous objects</meta>
  <meta name="description">Positions of five famous objects, for the tests of Asterism.</meta>
  <meta name="subject">supernova-remnants</meta>
  <meta name="subject">pulsars</meta>
  <meta name="creator">Łukasiewicz, Z.; Ångström, Å.</meta>
  <meta name="facility">Fermi</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Catalog</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="rights">CC0</meta>
  <meta name="rights.rightsURI">https://spdx.org/licenses/CC0-1.0.html</meta>

  <coverage>
    <spatial>6/8000-8010 20000</spatial>
    <temporal>2008-08-04 2020-01-01</temporal>
    <spectral>1.6e-11 4.8e-8</spectral>
  </coverage>

  <table id="objects" onDisk="True" adql="True" mixin="//scs#q3cindex">
    <meta name="description">Five famous objects, J2000.</meta>
    <publish sets="ivo_managed,local"/>
    <column name="name" type="text" ucd="meta.id;meta.main" required="True" description="Name"/>
    <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" description="ICRS right ascension"/>
    <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main" description="ICRS declination"/>
  </table>

  <data id="import">
    <sources>sky.csv</sources>
    <csvGrammar/>
    <make table="objects"><rowmaker idmaps="*"/></make>
  </data>

  <service id="cone" allowed="scs.xml">
    <meta name="shortName">five cone</meta>
    <meta name="title">Cone search on five famous objects</meta>
    <meta name="testQuery"><meta name="ra">83.63</meta><meta name="dec">22.01</meta><meta name="sr">0.5</meta></meta>
    <publish render="scs.xml" sets="ivo_managed"/>
    <scsCore queriedTable="objects"><FEED source="//scs#coreDescs"/></scsCore>
  </service>

  <LOOP listItems="a b c d e f g h">
    <events>
      <table id="survey_\item" onDisk="True" adql="True">
        <meta name="title">Survey \item of the tests</meta>
        <meta name="description">An empty table that stands for the survey \item.</meta>
        <publish sets="ivo_managed"/>
        <column name="n" type="integer" required="True" description="Number"/>
      </table>
      <data id="make_\item"><make table="survey_\item"/></data>
    </events>
  </LOOP>
</resource>
