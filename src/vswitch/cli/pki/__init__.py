"""ovs-pki: keys and certificates for switches and controllers.  main is its options, hierarchy its files, x509 the rest."""
