<resource schema="rr" resdir=".">
  <!-- RegTAP 1.2 tables (but rr.stc_spectral, which a service may lack), filled from regtap.jsonl. -->
  <meta name="creationDate">2026-01-05T00:00:00Z</meta>
  <meta name="title">A small relational registry</meta>
  <meta name="description">RegTAP tables for the tests of Asterism.</meta>
  <meta name="subject">virtual-observatories</meta>
  <meta name="creator">Asterism</meta>
  <table id="resource" onDisk="True" adql="True">
    <meta name="description">rr.resource of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="res_type" type="text" description="res_type"/>
    <column name="created" type="timestamp" description="created"/>
    <column name="short_name" type="text" description="short_name"/>
    <column name="res_title" type="unicode" description="res_title"/>
    <column name="updated" type="timestamp" description="updated"/>
    <column name="content_level" type="text" description="content_level"/>
    <column name="res_description" type="unicode" description="res_description"/>
    <column name="reference_url" type="text" description="reference_url"/>
    <column name="creator_seq" type="unicode" description="creator_seq"/>
    <column name="content_type" type="text" description="content_type"/>
    <column name="source_format" type="text" description="source_format"/>
    <column name="source_value" type="text" description="source_value"/>
    <column name="res_version" type="text" description="res_version"/>
    <column name="region_of_regard" type="real" description="region_of_regard"/>
    <column name="waveband" type="text" description="waveband"/>
    <column name="rights" type="unicode" description="rights"/>
    <column name="rights_uri" type="text" description="rights_uri"/>
    <column name="harvested_from" type="text" description="harvested_from"/>
  </table>
  <table id="res_subject" onDisk="True" adql="True">
    <meta name="description">rr.res_subject of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="res_subject" type="unicode" description="res_subject"/>
  </table>
  <table id="res_role" onDisk="True" adql="True">
    <meta name="description">rr.res_role of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="role_name" type="unicode" description="role_name"/>
    <column name="role_ivoid" type="text" description="role_ivoid"/>
    <column name="street_address" type="unicode" description="street_address"/>
    <column name="email" type="text" description="email"/>
    <column name="telephone" type="text" description="telephone"/>
    <column name="logo" type="text" description="logo"/>
    <column name="base_role" type="text" description="base_role"/>
  </table>
  <table id="res_date" onDisk="True" adql="True">
    <meta name="description">rr.res_date of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="date_value" type="timestamp" description="date_value"/>
    <column name="value_role" type="text" description="value_role"/>
  </table>
  <table id="relationship" onDisk="True" adql="True">
    <meta name="description">rr.relationship of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="relationship_type" type="text" description="relationship_type"/>
    <column name="related_id" type="text" description="related_id"/>
    <column name="related_name" type="unicode" description="related_name"/>
  </table>
  <table id="capability" onDisk="True" adql="True">
    <meta name="description">rr.capability of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="cap_index" type="smallint" description="cap_index"><values nullLiteral="-1"/></column>
    <column name="cap_type" type="text" description="cap_type"/>
    <column name="cap_description" type="unicode" description="cap_description"/>
    <column name="standard_id" type="text" description="standard_id"/>
  </table>
  <table id="interface" onDisk="True" adql="True">
    <meta name="description">rr.interface of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="cap_index" type="smallint" description="cap_index"><values nullLiteral="-1"/></column>
    <column name="intf_index" type="smallint" description="intf_index"><values nullLiteral="-1"/></column>
    <column name="intf_type" type="text" description="intf_type"/>
    <column name="intf_role" type="text" description="intf_role"/>
    <column name="std_version" type="text" description="std_version"/>
    <column name="query_type" type="text" description="query_type"/>
    <column name="result_type" type="text" description="result_type"/>
    <column name="wsdl_url" type="text" description="wsdl_url"/>
    <column name="url_use" type="text" description="url_use"/>
    <column name="access_url" type="text" description="access_url"/>
    <column name="mirror_url" type="text" description="mirror_url"/>
    <column name="authenticated_only" type="smallint" description="authenticated_only"><values nullLiteral="-1"/></column>
  </table>
  <table id="alt_identifier" onDisk="True" adql="True">
    <meta name="description">rr.alt_identifier of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="alt_identifier" type="text" description="alt_identifier"/>
  </table>
  <table id="res_detail" onDisk="True" adql="True">
    <meta name="description">rr.res_detail of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="cap_index" type="smallint" description="cap_index"><values nullLiteral="-1"/></column>
    <column name="detail_xpath" type="text" description="detail_xpath"/>
    <column name="detail_value" type="unicode" description="detail_value"/>
  </table>
  <table id="stc_spatial" onDisk="True" adql="True">
    <meta name="description">rr.stc_spatial of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="coverage" type="smoc" description="coverage"/>
    <column name="ref_system_name" type="text" description="ref_system_name"/>
  </table>
  <table id="stc_temporal" onDisk="True" adql="True">
    <meta name="description">rr.stc_temporal of RegTAP</meta>
    <column name="ivoid" type="text" description="ivoid"/>
    <column name="time_start" type="double precision" description="time_start"/>
    <column name="time_end" type="double precision" description="time_end"/>
  </table>

  <data id="import">
    <sources>regtap.jsonl</sources>
    <embeddedGrammar isDispatching="True" notify="False">
      <iterator><code>
        import datetime, json
        from gavo.utils import pgsphere
        with open(self.sourceToken, encoding="utf-8") as lines:
          for line in lines:
            role, row = json.loads(line)
            for name in ("created", "updated", "date_value"):
              if row.get(name):
                row[name] = datetime.datetime.fromisoformat(row[name])
            if row.get("coverage"):
              row["coverage"] = pgsphere.SMoc.fromASCII(row["coverage"])
            yield role, row
      </code></iterator>
    </embeddedGrammar>
    <make table="resource" role="resource"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="res_type">vars.get("res_type")</map><map key="created">vars.get("created")</map><map key="short_name">vars.get("short_name")</map><map key="res_title">vars.get("res_title")</map><map key="updated">vars.get("updated")</map><map key="content_level">vars.get("content_level")</map><map key="res_description">vars.get("res_description")</map><map key="reference_url">vars.get("reference_url")</map><map key="creator_seq">vars.get("creator_seq")</map><map key="content_type">vars.get("content_type")</map><map key="source_format">vars.get("source_format")</map><map key="source_value">vars.get("source_value")</map><map key="res_version">vars.get("res_version")</map><map key="region_of_regard">vars.get("region_of_regard")</map><map key="waveband">vars.get("waveband")</map><map key="rights">vars.get("rights")</map><map key="rights_uri">vars.get("rights_uri")</map><map key="harvested_from">vars.get("harvested_from")</map></rowmaker></make>
    <make table="res_subject" role="res_subject"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="res_subject">vars.get("res_subject")</map></rowmaker></make>
    <make table="res_role" role="res_role"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="role_name">vars.get("role_name")</map><map key="role_ivoid">vars.get("role_ivoid")</map><map key="street_address">vars.get("street_address")</map><map key="email">vars.get("email")</map><map key="telephone">vars.get("telephone")</map><map key="logo">vars.get("logo")</map><map key="base_role">vars.get("base_role")</map></rowmaker></make>
    <make table="res_date" role="res_date"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="date_value">vars.get("date_value")</map><map key="value_role">vars.get("value_role")</map></rowmaker></make>
    <make table="relationship" role="relationship"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="relationship_type">vars.get("relationship_type")</map><map key="related_id">vars.get("related_id")</map><map key="related_name">vars.get("related_name")</map></rowmaker></make>
    <make table="capability" role="capability"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="cap_index">vars.get("cap_index")</map><map key="cap_type">vars.get("cap_type")</map><map key="cap_description">vars.get("cap_description")</map><map key="standard_id">vars.get("standard_id")</map></rowmaker></make>
    <make table="interface" role="interface"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="cap_index">vars.get("cap_index")</map><map key="intf_index">vars.get("intf_index")</map><map key="intf_type">vars.get("intf_type")</map><map key="intf_role">vars.get("intf_role")</map><map key="std_version">vars.get("std_version")</map><map key="query_type">vars.get("query_type")</map><map key="result_type">vars.get("result_type")</map><map key="wsdl_url">vars.get("wsdl_url")</map><map key="url_use">vars.get("url_use")</map><map key="access_url">vars.get("access_url")</map><map key="mirror_url">vars.get("mirror_url")</map><map key="authenticated_only">vars.get("authenticated_only")</map></rowmaker></make>
    <make table="alt_identifier" role="alt_identifier"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="alt_identifier">vars.get("alt_identifier")</map></rowmaker></make>
    <make table="res_detail" role="res_detail"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="cap_index">vars.get("cap_index")</map><map key="detail_xpath">vars.get("detail_xpath")</map><map key="detail_value">vars.get("detail_value")</map></rowmaker></make>
    <make table="stc_spatial" role="stc_spatial"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="coverage">vars.get("coverage")</map><map key="ref_system_name">vars.get("ref_system_name")</map></rowmaker></make>
    <make table="stc_temporal" role="stc_temporal"><rowmaker><map key="ivoid">vars.get("ivoid")</map><map key="time_start">vars.get("time_start")</map><map key="time_end">vars.get("time_end")</map></rowmaker></make>
  </data>
</resource>
