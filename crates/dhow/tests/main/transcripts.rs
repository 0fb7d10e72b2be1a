//! The pages.

use super::support::{check, directory};

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[test]
        fn $page() {
            check(stringify!($page));
        })*

        const PAGES: &[&str] = &[$(stringify!($page)),*];
    };
}

pages! {
    a_boot_that_fails_on_one_server
    a_deploy_over_a_running_version
    a_dry_run
    a_failed_health_check
    a_failing_pull
    a_first_deploy_without_a_registry
    a_held_lock
    a_server_without_docker
    accessories
    app_exec
    app_logs
    app_stop_and_start
    assets
    boot_groups
    builds
    configuration_errors
    connections
    ctrl_c_while_waiting_for_health
    destinations
    documentation
    error_pages
    hooks
    hosts_and_roles
    maintenance
    prune
    redeploy
    registry_accounts
    remove
    rollback
    rollouts
    secrets_never_show
    servers
    setup
    stale_containers
    the_deploy_lock
    the_proxy
    the_same_version_again
    visitors
    where_a_value_comes_from
    wildcards
    workers_wait_for_the_first_web
}

#[test]
fn every_page_is_played() {
    for entry in std::fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let page = name.strip_suffix(".md").unwrap();
        assert!(page == "README" || PAGES.contains(&page), "{name} is not listed in transcripts.rs");
    }
}
