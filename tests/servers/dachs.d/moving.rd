<resource schema="moving" resdir=".">
  <!-- What comes and goes while a test looks on. -->
  <meta name="creationDate">2026-01-05T00:00:00Z</meta>
  <meta name="title">Things that come and go</meta>
  <meta name="description">Published, harvested, dropped and harvested again.</meta>
  <meta name="subject">variable-stars</meta>
  <meta name="creator">Asterism</meta>

  <table id="things" onDisk="True" adql="True">
    <meta name="description">An empty table.</meta>
    <publish sets="ivo_managed"/>
    <column name="n" type="integer" required="True" description="Number"/>
  </table>

  <data id="import"><make table="things"/></data>
</resource>
