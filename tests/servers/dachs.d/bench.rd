<resource schema="bench" resdir=".">
  <!-- The benchmark's positions, as a data centre would publish them; the rows come by COPY (bench/peers/postgres.py). -->
  <meta name="creationDate">2026-11-21T00:00:00Z</meta>
  <meta name="title">Benchmark positions</meta>
  <meta name="description">Uniform random positions.</meta>
  <meta name="subject">surveys</meta>
  <meta name="creator">Asterism</meta>

  <table id="positions" onDisk="True" adql="True" mixin="//scs#q3cindex">
    <column name="number" type="text" ucd="meta.id;meta.main" required="True" description="Number"/>
    <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" description="ICRS right ascension"/>
    <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main" description="ICRS declination"/>
    <LOOP listItems="facilities instruments targets wavebands product_type publisher">
      <events><column name="\item" type="text" description="\item"/></events>
    </LOOP>
    <column name="calib_level" type="integer" description="calib_level"><values nullLiteral="-1"/></column>
  </table>

  <data id="import"><make table="positions"/></data>

  <service id="cone" allowed="scs.xml">
    <meta name="shortName">bench cone</meta>
    <meta name="title">Cone search on the benchmark's positions</meta>
    <meta name="testQuery"><meta name="ra">1</meta><meta name="dec">1</meta><meta name="sr">0.5</meta></meta>
    <scsCore queriedTable="positions"><FEED source="//scs#coreDescs"/></scsCore>
  </service>
</resource>
