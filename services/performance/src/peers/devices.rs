//! Who worked at which device.

use tally_access::OpContext;
use tally_api::attendance::v1 as att;
use tally_api::attendance::v1::device_service_client::DeviceServiceClient;
use tally_app::convert::{period_message, sent};
use tally_engine::closing::facts::{DeviceBinding, DeviceUse};
use tally_engine::policy::Policy;
use tally_kernel::Result;
use tally_kernel::time::Period;
use tally_rpc::{MAX_MESSAGE_BYTES, RpcChannel, pages, streamed};

use super::{PAGE, Peers};

impl Peers {
    /// Who worked at which device when, where the rules know devices.
    pub(super) async fn devices(&self, ctx: &OpContext, period: Period, policy: &Policy) -> Result<Vec<DeviceUse>> {
        if policy.rules() < 3 {
            return Ok(Vec::new());
        }
        let (period, grace_minutes) = (Some(period_message(period)), Some(policy.grace_minutes));
        let asked = att::ListDeviceUsesRequest { period, grace_minutes, ..Default::default() };
        let ask = async || {
            let mut client: DeviceServiceClient<RpcChannel> =
                DeviceServiceClient::new(self.attendance.channel()).max_decoding_message_size(MAX_MESSAGE_BYTES);
            client.list_device_uses(self.attendance.as_service(ctx, asked.clone())).await
        };
        let add = |uses: &mut Vec<DeviceUse>, part: att::ListDeviceUsesResponse| {
            for one in part.uses {
                uses.push(device_use_from(one)?);
            }
            Ok(())
        };
        streamed(Vec::new, ask, add).await
    }
}

impl Peers {
    /// What is said of devices, where the rules know them, whether it holds in some period or not: what is told of a device that was nobody's.
    pub(super) async fn bindings(&self, ctx: &OpContext, policy: &Policy) -> Result<Vec<DeviceBinding>> {
        if policy.rules() < 3 {
            return Ok(Vec::new());
        }
        let devices = pages(async |page_token| {
            let ask = att::ListDevicesRequest { page_size: PAGE, page_token, counting_only: true, known_at: None };
            let mut client: DeviceServiceClient<RpcChannel> = DeviceServiceClient::new(self.attendance.channel());
            let page = client.list_devices(self.attendance.as_service(ctx, ask)).await?.into_inner();
            Ok((page.devices, page.next_page_token))
        });
        devices.await?.into_iter().map(binding_from).collect()
    }
}

fn binding_from(one: att::Device) -> Result<DeviceBinding> {
    Ok(DeviceBinding {
        device: one.device,
        seat: Some(one.seat).filter(|seat| !seat.is_empty()),
        from: sent::optional_date(&one.from)?,
        to: sent::optional_date(&one.to)?,
    })
}

fn device_use_from(one: att::DeviceUse) -> Result<DeviceUse> {
    Ok(DeviceUse {
        person: sent::value(&one.person_id)?,
        from_ms: sent::instant(one.start)?.as_millisecond(),
        to_ms: sent::instant(one.end)?.as_millisecond(),
        device: one.device,
    })
}
