import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback: java Node.java FOLDER HTTP_PORT TRANSPORT_PORT. Runs until it is killed. */
public class Node {
    public static void main(String[] args) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", args[1]);
            settings.put("transport.port", args[2]);
            settings.put("discovery.type", "single-node");
            // a single node elects itself; the runner's own lists for several would be refused
            settings.putList("discovery.seed_hosts");
            settings.remove("cluster.initial_cluster_manager_nodes");
            // a full disk is not this test's business
            settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (java.io.IOException e) {
                System.err.println(e);
            }
        }));
        runner.build(OpenSearchRunner.newConfigs().basePath(args[0]).clusterName("asterism-test").numOfNode(1));
        Thread.currentThread().join();
    }
}
